import { access, open, rename, rm } from 'node:fs/promises';
import { extname } from 'node:path';
import process from 'node:process';
import { finished } from 'node:stream/promises';
import { Option } from 'commander';
import { cliErrors } from './errors.js';
import { plural } from './format.js';
import { exportFormats } from './services.js';
import { examples, verb, withClient } from './verb.js';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { ExportFormat } from './services.js';
import type { Call, Context } from './verb.js';

interface ExportOptions {
  out: string;
  format?: ExportFormat;
  force?: true;
}

export function addLabelVerbs(program: Command, context: Context): void {
  const labels = program.command('labels').description("take a run's labels out");
  labels.addHelpText('after', examples('labelloop labels export shells-1a2b3c4d --out labels.csv'));

  labels
    .command('export')
    .description("write a run's labels, a row an image of the pool")
    .argument('<run>', 'id of the run')
    .requiredOption('--out <file>', 'file to write')
    .addOption(new Option('--format <format>', "format (default: the file's extension)").choices(exportFormats))
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      examples(
        'labelloop labels export shells-1a2b3c4d --out labels.csv',
        'labelloop labels export shells-1a2b3c4d --out labels.parquet --force',
      ),
    )
    .action(
      verb(context, async (call: Call<ExportOptions>, run: string) => {
        const { out, force } = call.options;
        const format = call.options.format ?? formatOf(out);
        if (!force && (await exists(out))) throw cliErrors.outputExists(out);
        const rows = await withClient(call.services, async (client) => {
          const counted = { rows: 0 };
          await writeWhole(out, (stream) =>
            call.services.exportLabels(counting(client.labels(run), counted), format, stream),
          );
          return counted.rows;
        });
        return {
          document: { run, out, format, rows },
          lines: [`${plural(rows, 'row')} written to ${out} (${format}).`],
        };
      }),
    );
}

function formatOf(file: string): ExportFormat {
  const format = exportFormats.find((name) => extname(file).toLowerCase() === `.${name}`);
  if (!format) throw cliErrors.exportFormatUnknown(file);
  return format;
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Writes beside the file and renames: whoever reads `file` finds a whole one or none. */
async function writeWhole(file: string, write: (stream: Writable) => Promise<void>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  const handle = await open(part, 'w').catch((error: unknown) => {
    throw cliErrors.outputNotWritable(file, error);
  });
  const stream = handle.createWriteStream();
  try {
    const written = finished(stream);
    await Promise.all([write(stream).then(() => void stream.end()), written]);
    await rename(part, file);
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    throw error;
  }
}

async function* counting<T>(rows: AsyncIterable<T>, counted: { rows: number }): AsyncIterable<T> {
  for await (const row of rows) {
    counted.rows++;
    yield row;
  }
}
