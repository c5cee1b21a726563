import { setTimeout as delay } from 'node:timers/promises';
import { auditLines } from './audit-lines.js';
import { auditInterrupted } from './messages.js';
import { untilInterrupt } from './terminal.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { AuditState } from '../contracts/audit.js';
import type { RunsClient } from './services.js';
import type { Call, Context } from './verb.js';

interface StartOptions {
  error: string;
  confidence?: string;
  budget?: string;
  instrument?: string;
  drawing?: string;
  class?: string;
  byClass?: boolean;
  spending?: string;
  repair?: string;
  double?: string;
  nonceFrom?: string;
  answers?: string;
}

/** Often enough to look alive while labels are frozen and the audit is planned. */
const INTERVAL_MS = 500;

export function addAuditVerbs(program: Command, context: Context): void {
  const audit = program.command('audit').description("have people check a random sample of a run's labels");
  audit.addHelpText(
    'after',
    examples('labelloop audit start shells-1a2b3c4d --error 2%', 'labelloop audit show shells-1a2b3c4d'),
  );

  audit
    .command('start')
    .description('open an audit of a finished run; says what it will ask before anybody is asked')
    .argument('<run>', 'id of the run')
    .requiredOption('--error <share>', 'share of the certified labels that may be wrong, 0.02 or 2%')
    .option('--confidence <share>', 'of all audits of the run together (default 95%)')
    .option('--budget <n>', 'answers of people at most (default 400)')
    .option('--instrument <name>', 'auto, betting, looks: how it decides (default auto)')
    .option('--drawing <name>', 'uniform, or uncertainty: uncertain images more often (default uniform)')
    .option('--class <name>', 'audit the labels of this class alone (default: of all classes)')
    .option('--by-class', 'spend 1/classes of 1 - confidence, so that each class can have a certificate')
    .option(
      '--spending <name>',
      'single: all of 1 - confidence; series: 1/(t(t+1)) of it for audit t; classes: as --by-class (default single)',
    )
    .option('--repair <n>', 'riskiest labels to check first, or auto (default auto)')
    .option('--double <share>', 'share of the audited images that two people answer (default 0.1)')
    .option('--nonce-from <whom>', 'program or person: who gives the nonce of the draw (default program)')
    .option('--answers <whom>', 'people; in a dry run truth, or truth:0.02, which errs in 2 % (default people)')
    .addHelpText(
      'after',
      examples(
        'labelloop audit start shells-1a2b3c4d --error 2% --budget 400',
        'labelloop audit start shells-1a2b3c4d --error 1% --nonce-from person',
        'labelloop audit start shells-1a2b3c4d --error 5% --class whelk --by-class',
      ),
    )
    .action(
      verb(context, async (call: Call<StartOptions>, run: string) =>
        withClient(call.services, async (client) => {
          const { readAuditSettings } = await import('./run-settings.js');
          await client.startAudit(run, readAuditSettings({ ...call.options }));
          const state = await untilInterrupt(
            call.terminal,
            () => auditInterrupted(run),
            (signal) => planned(call, client, run, signal),
          );
          return { document: state, lines: auditLines(state) };
        }),
      ),
    );

  audit
    .command('show')
    .description('what an audit waits for, and what it has certified')
    .argument('<run>', 'id of the run')
    .addHelpText(
      'after',
      examples('labelloop audit show shells-1a2b3c4d', 'labelloop audit show shells-1a2b3c4d --json'),
    )
    .action(
      verb(context, async (call, run: string) =>
        withClient(call.services, async (client) => {
          const state = await client.audit(run);
          return { document: state, lines: auditLines(state) };
        }),
      ),
    );

  audit
    .command('nonce')
    .description("give the nonce of an audit's draw: what nobody could know when the protocol was committed")
    .argument('<run>', 'id of the run')
    .argument('<value>', "8 to 1,000 characters: dice, a public beacon's value")
    .addHelpText('after', examples('labelloop audit nonce shells-1a2b3c4d 4-1-6-6-2-5-3-1-2-6'))
    .action(
      verb(context, async (call, run: string, value: string) =>
        withClient(call.services, async (client) => {
          const state = await client.nonce(run, value);
          return { document: state, lines: auditLines(state) };
        }),
      ),
    );

  audit
    .command('stop')
    .description('end an audit with what is certified by now')
    .argument('<run>', 'id of the run')
    .addHelpText('after', examples('labelloop audit stop shells-1a2b3c4d'))
    .action(
      verb(context, async (call, run: string) =>
        withClient(call.services, async (client) => {
          const state = await client.stopAudit(run);
          return {
            document: state,
            lines: [`The audit of ${run} ends. What it has certified: labelloop audit show ${run}`],
          };
        }),
      ),
    );
}

async function planned(call: Call<unknown>, client: RunsClient, run: string, signal: AbortSignal): Promise<AuditState> {
  call.note('Freezing the labels and planning the audit; nobody is asked yet.');
  for (;;) {
    const state = await client.audit(run);
    if (state.phase !== 'freeze') return state;
    await delay(INTERVAL_MS, undefined, { signal });
  }
}
