import { readdir, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import process from 'node:process';
import { Option } from 'commander';
import { cliErrors } from './errors.js';
import { explanationLines } from './explanation.js';
import { plural } from './format.js';
import { addLookVerbs } from './look.js';
import { exists, writeWhole } from './output-file.js';
import { exportFormats, labelFormats } from './services.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { ExportFormat, LabelFormat } from './services.js';
import type { Call, Context, Outcome } from './verb.js';

interface ExportOptions {
  out: string;
  format?: LabelFormat;
  force?: true;
}

export function addLabelVerbs(program: Command, context: Context): void {
  const labels = program.command('labels').description("take a run's labels out, and trace them");
  labels.addHelpText('after', examples('labelloop labels export shells-1a2b3c4d --out labels.csv'));

  labels
    .command('export')
    .description("write a run's labels: a row an image of the pool, or the images in a folder a class")
    .argument('<run>', 'id of the run')
    .requiredOption('--out <file>', 'file to write; with --format folder the folder')
    .addOption(new Option('--format <format>', "format (default: the file's extension)").choices(labelFormats))
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      examples(
        'labelloop labels export shells-1a2b3c4d --out labels.csv',
        'labelloop labels export shells-1a2b3c4d --out labels.parquet --force',
        'labelloop labels export shells-1a2b3c4d --out ./labelled --format folder',
      ),
    )
    .action(
      verb(context, async (call: Call<ExportOptions>, run: string) => {
        const { out } = call.options;
        const format = call.options.format ?? formatOf(out);
        return format === 'folder' ? exportToFolder(call, run) : exportToFile(call, run, format);
      }),
    );

  labels
    .command('explain')
    .description("where an image's label comes from: every round's decision, people's answers, the certificate")
    .argument('<run>', 'id of the run')
    .argument('<image>', 'id or name of an image of the pool')
    .addHelpText('after', examples('labelloop labels explain shells-1a2b3c4d beach/0042.jpg'))
    .action(
      verb(context, async (call, run: string, image: string) => {
        const explanation = await withClient(call.services, (client) => client.explain(run, image));
        return { document: explanation, lines: explanationLines(explanation, call.terminal.out.columns) };
      }),
    );

  addLookVerbs(labels, context);
}

async function exportToFile(call: Call<ExportOptions>, run: string, format: ExportFormat): Promise<Outcome> {
  const { out, force } = call.options;
  if (!force && (await exists(out))) throw cliErrors.outputExists(out);
  const rows = await withClient(call.services, async (client) => {
    const counted = { rows: 0 };
    await writeWhole(out, (stream) =>
      call.services.exportLabels(counting(client.labels(run), counted), format, stream),
    );
    return counted.rows;
  });
  return { document: { run, out, format, rows }, lines: [`${plural(rows, 'row')} written to ${out} (${format}).`] };
}

async function exportToFolder(call: Call<ExportOptions>, run: string): Promise<Outcome> {
  const { out } = call.options;
  if ((await readdir(out).catch(() => [])).length > 0) throw cliErrors.folderNotEmpty(out);
  const { rows, images } = await withClient(call.services, async (client) => {
    const counted = { rows: 0 };
    const part = `${out}.${process.pid}.part`;
    try {
      const images = await call.services.exportFolder(run, counting(client.labels(run), counted), part);
      await rm(out, { recursive: true, force: true });
      await rename(part, out);
      return { rows: counted.rows, images };
    } catch (error) {
      await rm(part, { recursive: true, force: true });
      throw error;
    }
  });
  return {
    document: { run, out, format: 'folder', rows, images },
    lines: [
      `${plural(images, 'labelled image')} written to ${out}, ${plural(rows, 'row')} to ${join(out, 'labels.csv')}.`,
    ],
  };
}

function formatOf(file: string): ExportFormat {
  const format = exportFormats.find((name) => extname(file).toLowerCase() === `.${name}`);
  if (!format) throw cliErrors.exportFormatUnknown(file);
  return format;
}

async function* counting<T>(rows: AsyncIterable<T>, counted: { rows: number }): AsyncIterable<T> {
  for await (const row of rows) {
    counted.rows++;
    yield row;
  }
}
