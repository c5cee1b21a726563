import type { Command } from 'commander';

/** What every verb that starts a run takes besides its own options: the audit at its end, and how it is started. */
export const withStartOptions = (command: Command): Command =>
  command
    .option('--certify <share>', 'certify by an audit that at most this share of the labels is wrong, 0.02 or 2%')
    .option('--confidence <share>', 'of the certificate (default 95%)')
    .option('--audit-budget <n>', 'answers of the audit at most (default 400)')
    .option('--answers <whom>', 'people; in a dry run truth, or truth:0.02, which errs in 2 % (default people)')
    .option('--settings <file>', 'YAML or JSON file with settings; flags override it')
    .option('--fresh', 'compute every stage anew instead of taking it from the store')
    .option('--salt <text>', 'another text computes every stage anew, and again the next time finds it in the store')
    .option('--run <id>', 'id of the run (default: from dataset and settings)')
    .option('--watch', 'follow it to its end');
