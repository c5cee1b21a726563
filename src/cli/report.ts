import { copyFile } from 'node:fs/promises';
import { cliErrors } from './errors.js';
import { examples, verb } from './verb.js';
import type { Command } from 'commander';
import type { Call, Context } from './verb.js';

export function addReportVerb(program: Command, context: Context): void {
  program
    .command('report')
    .description("write a run's HTML report; prints its path")
    .argument('<run>', 'id of the run')
    .option('--out <file>', "file to write (default: in Labelloop's folder)")
    .addHelpText(
      'after',
      examples('labelloop report shells-1a2b3c4d', 'labelloop report shells-1a2b3c4d --out report.html'),
    )
    .action(
      verb(context, async (call: Call<{ out?: string }>, run: string) => {
        const { out } = call.options;
        const written = await call.services.writeReport(run);
        if (out !== undefined)
          await copyFile(written, out).catch((error: unknown) => {
            throw cliErrors.outputNotWritable(out, error);
          });
        const report = out ?? written;
        return { document: { run, report }, lines: [report] };
      }),
    );
}
