import { Option } from 'commander';
import { workerRoles } from './services.js';
import { examples, verb } from './verb.js';
import type { Command } from 'commander';
import type { WorkerRole } from './services.js';
import type { Call, Context } from './verb.js';

export function addWorkerVerb(program: Command, context: Context): void {
  program
    .command('worker')
    .description('serve tasks in this process until SIGTERM; up starts workers by itself')
    .addOption(
      new Option('--role <role>', 'workflows (order), stages (compute) or all').choices(workerRoles).default('all'),
    )
    .addHelpText('after', examples('labelloop worker', 'labelloop worker --role stages'))
    .action(
      verb(context, async (call: Call<{ role: WorkerRole }>) => {
        const { role } = call.options;
        await call.services.runWorker({ role });
        return { document: { role, stopped: true }, lines: [`Worker (${role}) stopped.`] };
      }),
    );
}
