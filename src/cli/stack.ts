import { table } from './format.js';
import { examples, verb } from './verb.js';
import type { Command } from 'commander';
import type { Diagnosis, StackStatus } from './services.js';
import type { Context, Outcome } from './verb.js';

/** The verbs of the stack on this machine. */
export function addStackVerbs(program: Command, context: Context): void {
  program
    .command('up')
    .description('start Temporal, the object store and the workers on this machine, in the background')
    .addHelpText('after', examples('labelloop up'))
    .action(
      verb(context, async (call) => statusOutcome(await (await call.services.local()).up({ onLine: call.note }))),
    );

  program
    .command('down')
    .description('stop what up started; runs go on at the next up')
    .addHelpText('after', examples('labelloop down'))
    .action(
      verb(context, async (call) => {
        const local = await call.services.local();
        await local.down({ onLine: call.note });
        return { document: await local.status(), lines: ['Stopped. Runs go on where they were: labelloop up'] };
      }),
    );

  program
    .command('status')
    .description('the processes on this machine')
    .addHelpText('after', examples('labelloop status', 'labelloop status --json'))
    .action(verb(context, async (call) => statusOutcome(await (await call.services.local()).status())));

  program
    .command('doctor')
    .description(
      'what a run needs of this machine, what is missing and how to mend it; exit code 1 if a run could not start',
    )
    .addHelpText('after', examples('labelloop doctor', 'labelloop doctor --json'))
    .action(verb(context, async (call) => diagnosisOutcome(await (await call.services.local()).doctor())));

  program
    .command('setup')
    .description('install what doctor misses into a cache outside the checkout; can be interrupted and run again')
    .addHelpText('after', examples('labelloop setup'))
    .action(
      verb(context, async (call) => {
        const local = await call.services.local();
        await local.provision({ onLine: call.note });
        return diagnosisOutcome(await local.doctor());
      }),
    );
}

function statusOutcome(status: StackStatus): Outcome {
  const columns = [
    { title: 'process' },
    { title: 'pid', align: 'right' as const },
    { title: 'health' },
    { title: 'restarts', align: 'right' as const },
    { title: 'since' },
    { title: 'log' },
  ];
  const rows = status.processes.map((process) => [
    process.name,
    process.pid === null ? '-' : String(process.pid),
    process.healthy ? 'healthy' : 'NOT HEALTHY',
    String(process.restarts),
    process.since ?? '-',
    process.log ?? '-',
  ]);
  const none = ['Nothing runs on this machine. Start it: labelloop up'];
  return { document: status, lines: rows.length === 0 ? none : table(columns, rows) };
}

function diagnosisOutcome(diagnosis: Diagnosis): Outcome {
  const columns = [{ title: 'check' }, { title: '' }, { title: 'version' }, { title: 'source' }];
  const rows = diagnosis.checks.map((check) => [
    check.name,
    check.ok ? 'ok' : 'MISSING',
    check.version ?? '-',
    check.source ?? '-',
  ]);
  const mends = diagnosis.checks.flatMap((check) => (check.mend === null ? [] : [`  ${check.name}: ${check.mend}`]));
  const verdict = diagnosis.ok ? 'A run can start.' : 'A run could not start.';
  return {
    document: diagnosis,
    lines: [...table(columns, rows), '', verdict, ...(mends.length > 0 ? ['To mend:', ...mends] : [])],
    exitCode: diagnosis.ok ? 0 : 1,
  };
}
