import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Records the histories of a workflow, a file a round, for the replay suite; needs `temporal` on PATH:
 *     node dist/test/workflows/record-histories.js ADDRESS WORKFLOW FOLDER [NAME]
 * Once a release, and whenever the order of a workflow's activities changes: NAME `round`, a run of three rounds; `certify`, a
 * run with `--certify 15% --answers truth`; `cross-fit`, a run with `--cross-fit`; `audit`, the workflow RUN.audit-1 with people's
 * answers and a person's nonce; `audit-cancelled`, one that was cancelled while it asked; `questions`, the workflow
 * RUN.questions-1 with people's answers, cancelled, started again by `review` and stopped; `compared`, a run of two rounds;
 * `shift`, the workflow RUN.shift-DATASET; `adapt`, a run
 * with `--labels 20 --answers truth` on a pool of one shard. Each is started with a pool of 1,000 and one shard, so that the files stay small.
 */
const [address, run, folder, name = 'round'] = process.argv.slice(2);
if (!address || !run || !folder) throw new Error('usage: record-histories ADDRESS WORKFLOW FOLDER [NAME]');

const temporal = (...args: string[]): string =>
  execFileSync('temporal', ['workflow', ...args, '--address', address, '--output', 'json'], { encoding: 'utf8' });
const listed = JSON.parse(temporal('list', '--query', `WorkflowId = '${run}'`)) as {
  execution: { runId: string };
  startTime: string;
}[];
listed.sort((a, b) => a.startTime.localeCompare(b.startTime));
mkdirSync(folder, { recursive: true });
for (const [index, { execution }] of listed.entries()) {
  const history = temporal('show', '--workflow-id', run, '--run-id', execution.runId);
  // Who did it is nobody's business in a repository; a replay does not look at it.
  const text = history.replace(/"(identity|stickyWorkerQueue|name)": "(\d+|[\w-]+:\w+)@[^"]*"/g, '"$1": "worker"');
  writeFileSync(join(folder, `${name}-${index + 1}.json`), text);
}
console.log(`${listed.length} histories of ${run} in ${folder}`);
