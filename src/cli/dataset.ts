import { Option } from 'commander';
import { imageSize, wholeNumber } from './arguments.js';
import { cliErrors } from './errors.js';
import { count, plural, table } from './format.js';
import { datasetLines, importInterrupted, nextRunStart, nothingToLabel } from './messages.js';
import { sourceKinds } from './services.js';
import { Interrupted } from './terminal.js';
import { examples, verb } from './verb.js';
import type { Command } from 'commander';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { Datasets, ImportRequest, SourceKind } from './services.js';
import type { Call, Context } from './verb.js';

interface ImportOptions {
  name: string;
  kind?: SourceKind;
  like?: string;
  keepLabels?: number;
  keep?: 'balanced' | 'random';
  seed?: number;
  pool?: number;
  size?: { height: number; width: number };
  grey?: true;
  colour?: true;
  invert?: true;
  skipBad?: true;
  shardSize?: number;
}

export function addDatasetVerbs(program: Command, context: Context): void {
  const dataset = program.command('dataset').description('import and look at datasets');
  dataset.addHelpText('after', examples('labelloop dataset import ./shells --name shells', 'labelloop dataset list'));

  dataset
    .command('import')
    .description('bring images and labels into the store: folders, CSV, JSONL or IDX')
    .argument(
      '<path>',
      'folder with a folder a class and one of unlabelled images, a manifest, or a folder of IDX files',
    )
    .requiredOption('--name <name>', "the dataset's name: lower-case letters, digits, '.', '_', '-'")
    .addOption(new Option('--kind <kind>', 'format of the source (default: told by its looks)').choices(sourceKinds))
    .option(
      '--like <dataset>',
      "classes, size and channels of another dataset, for 'adapt'; few labels or none will do",
    )
    .option(
      '--keep-labels <n>',
      'dry run on labelled data: keep so many labels, hide the rest for the closing comparison',
      wholeNumber(0),
    )
    .addOption(
      new Option('--keep <how>', 'labels to keep: as many of each class, or at random (default balanced)').choices([
        'balanced',
        'random',
      ]),
    )
    .option('--seed <n>', 'chooses the labels to keep and the pool (default 0)', wholeNumber(0))
    .option('--pool <n>', 'images of the pool at most (default all)', wholeNumber(1))
    .option('--size <size>', "the model's image size, 32 or 28x28", imageSize)
    .addOption(new Option('--grey', 'one channel').conflicts('colour'))
    .option('--colour', 'three channels')
    .option('--invert', 'the images are negatives: turn white to black; people see them as they came')
    .option('--skip-bad', 'leave bad images out and list them instead of refusing')
    .option('--shard-size <n>', 'images a shard (default 4096)', wholeNumber(1))
    .addHelpText(
      'after',
      examples(
        'labelloop dataset import ./shells --name shells --size 32',
        'labelloop dataset import labels.csv --name shells --skip-bad',
        'labelloop dataset import ./beach-2 --name beach-2 --like shells',
        'labelloop dataset import ./labelled --name trial --keep-labels 500 --seed 7',
      ),
    )
    .action(
      verb(context, async (call: Call<ImportOptions>, path: string) => {
        if (call.options.keep && call.options.keepLabels === undefined) throw cliErrors.keepWithoutLabels();
        const manifest = await importWithProgress(call, await call.services.datasets(), {
          path,
          ...requestOf(call.options),
        });
        call.note(manifest.counts.pool > 0 ? nextRunStart(manifest.name) : nothingToLabel);
        return { document: manifest, lines: datasetLines(manifest) };
      }),
    );

  dataset
    .command('list')
    .description('all datasets')
    .addHelpText('after', examples('labelloop dataset list'))
    .action(
      verb(context, async (call) => {
        const datasets = (await (await call.services.datasets()).listDatasets()).map((manifest) => ({
          name: manifest.name,
          classes: manifest.classes.length,
          image: manifest.image,
          counts: manifest.counts,
          dryRun: manifest.dryRun,
        }));
        const right = { align: 'right' } as const;
        const columns = [
          { title: 'dataset' },
          { title: 'classes', ...right },
          { title: 'labelled', ...right },
          { title: 'pool', ...right },
          { title: 'test', ...right },
          { title: 'size' },
          { title: '' },
        ];
        const rows = datasets.map(({ name, classes, image, counts, dryRun }) => [
          name,
          count(classes),
          count(counts.labelled),
          count(counts.pool),
          count(counts.test),
          `${image.height}x${image.width}x${image.channels}`,
          dryRun ? 'dry run' : '',
        ]);
        const none = ['No datasets yet. Import one: labelloop dataset import PATH --name NAME'];
        return { document: { datasets }, lines: datasets.length === 0 ? none : table(columns, rows) };
      }),
    );

  dataset
    .command('show')
    .description('a dataset: counts, classes, what the import found')
    .argument('<name>', "the dataset's name")
    .addHelpText('after', examples('labelloop dataset show shells'))
    .action(
      verb(context, async (call, name: string) => {
        const manifest = await (await call.services.datasets()).readDataset(name);
        return { document: manifest, lines: datasetLines(manifest) };
      }),
    );

  dataset
    .command('add-class')
    .description('a dataset with further classes: the same images under a new name; the old one stays')
    .argument('<name>', "the dataset's name")
    .argument('<class...>', 'names of the new classes')
    .option('--as <name>', 'name of the new dataset (default: the next of NAME-2, NAME-3, …)')
    .addHelpText(
      'after',
      examples(
        'labelloop dataset add-class shells limpet',
        'labelloop dataset add-class shells limpet chiton --as more',
      ),
    )
    .action(
      verb(context, async (call: Call<{ as?: string }>, name: string, classes: string[]) => {
        const manifest = await (await call.services.datasets()).addClasses(name, classes, call.options.as);
        return { document: manifest, lines: datasetLines(manifest) };
      }),
    );
}

/** The options as the importer takes them; what the user left out is left to its defaults. */
function requestOf({
  name,
  kind,
  like,
  keepLabels,
  keep,
  seed,
  pool,
  size,
  grey,
  colour,
  invert,
  skipBad,
  shardSize,
}: ImportOptions) {
  return {
    name,
    ...(kind && { kind }),
    ...(like !== undefined && { like }),
    ...(keepLabels !== undefined && { keepLabels }),
    ...(keep && { keep }),
    ...(seed !== undefined && { seed }),
    ...(pool !== undefined && { pool }),
    ...(size && { size }),
    ...(grey && { channels: 1 as const }),
    ...(colour && { channels: 3 as const }),
    ...(invert && { invert }),
    ...(skipBad && { skipBad }),
    ...(shardSize !== undefined && { shardSize }),
  };
}

const SAY_EVERY_MS = 2_000;

/**
 * Imports with a progress line every two seconds. Ctrl-C stops the importer and waits for it: it takes back what it began.
 *
 * @throws Interrupted after Ctrl-C
 */
export async function importWithProgress(
  call: Call<unknown>,
  datasets: Datasets,
  request: ImportRequest,
): Promise<DatasetManifest> {
  const abort = new AbortController();
  const off = call.terminal.onInterrupt(() => abort.abort());
  let saidAt = performance.now();
  try {
    return await datasets.importDataset({
      ...request,
      signal: request.signal ? AbortSignal.any([request.signal, abort.signal]) : abort.signal,
      onProgress({ done, total }) {
        if (performance.now() - saidAt < SAY_EVERY_MS) return;
        saidAt = performance.now();
        call.note(
          `${request.name}: ${total === null ? '' : `${count(done)} of `}${plural(total ?? done, 'image')} read`,
        );
      },
    });
  } catch (error) {
    throw abort.signal.aborted ? new Interrupted(importInterrupted(request.name)) : error;
  } finally {
    off();
  }
}
