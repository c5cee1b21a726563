import { wholeNumber } from './arguments.js';
import { count, percent, plural, table } from './format.js';
import { nextRunStart } from './messages.js';
import { namedCluster } from './naming.js';
import { examples, verb } from './verb.js';
import type { Command } from 'commander';
import type { Naming, NovelView } from '../contracts/novel.js';
import type { Call, Context } from './verb.js';

/** Images of a cluster that are shown, and taken, unless told: enough to know a digit by (docs/novelty.md). */
const IMAGES = 20;

interface NameOptions {
  images?: number;
  not?: string[];
  as?: string;
}

export function addNovelVerbs(program: Command, context: Context): void {
  const novel = program.command('novel').description('classes that nobody has labelled: see them, name them');
  novel.addHelpText(
    'after',
    examples('labelloop novel show shells-1a2b3c4d', 'labelloop novel name shells-1a2b3c4d 7=limpet'),
  );

  novel
    .command('show')
    .description('clusters of the pool that may be of a new class, with a page of their images')
    .argument('<run>', 'id of the run')
    .option('--images <n>', `images of each cluster (default ${IMAGES})`, wholeNumber(1))
    .option('--out <file>', "page to write (default: in Labelloop's folder)")
    .addHelpText(
      'after',
      examples('labelloop novel show shells-1a2b3c4d', 'labelloop novel show shells-1a2b3c4d --out novel.html'),
    )
    .action(
      verb(context, async (call: Call<{ images?: number; out?: string }>, run: string) => {
        const { images = IMAGES, out } = call.options;
        const { page, view } = await call.services.writeNovelPage(run, {
          images,
          ...(out === undefined ? {} : { out }),
        });
        return { document: { ...view, page }, lines: shownLines(view, page) };
      }),
    );

  novel
    .command('name')
    .description('name clusters: makes a dataset with these classes, on which a run goes on')
    .argument('<run>', 'id of the run')
    .argument(
      '<cluster=name...>',
      'a cluster and the name of its class, new or known; several clusters may have one name',
    )
    .option('--images <n>', `most central images of each cluster that are answers (default ${IMAGES})`, wholeNumber(1))
    .option('--not <ids>', 'images to leave out: ids, their first 6 characters or more, or names; with commas', commas)
    .option('--as <name>', 'name of the new dataset (default: the next of DATASET-2, DATASET-3, …)')
    .addHelpText(
      'after',
      examples(
        'labelloop novel name shells-1a2b3c4d 7=limpet',
        'labelloop novel name shells-1a2b3c4d 7=limpet 11=limpet 4=chiton --images 10 --not 0a1b2c3d,beach/17.jpg',
      ),
    )
    .action(
      verb(context, async (call: Call<NameOptions>, run: string, named: string[]) => {
        const { images = IMAGES, not, as } = call.options;
        const naming = await call.services.nameClusters(run, named.map(namedCluster), {
          ...{ images, ...(not === undefined ? {} : { not }), ...(as === undefined ? {} : { as }) },
        });
        return { document: naming, lines: namedLines(run, naming) };
      }),
    );
}

/** Asked for where a run can't begin with labelled images: some a class, as docs/adapt.md has it. */
const MORE_ANSWERS = 50;

const commas = (text: string, before: string[] = []): string[] => [...before, ...text.split(',').filter(Boolean)];

function shownLines({ run, candidates, clusters, known }: NovelView, page: string): string[] {
  if (candidates.length === 0)
    return [
      `None of ${plural(clusters, 'cluster')} looks new beside ${plural(known, 'labelled image')}. An empty page: ${page}`,
    ];
  const right = { align: 'right' } as const;
  const columns = [
    { title: 'cluster', ...right },
    { title: 'images', ...right },
    { title: 'without a label', ...right },
    { title: 'far from all known', ...right },
    { title: 'spread', ...right },
  ];
  const rows = candidates.map(({ cluster, size, open, far, spread }) => [
    ...[String(cluster), count(size), count(open), percent(far), spread.toFixed(2)],
  ]);
  const [first] = candidates;
  return [
    'Maybe new; look at the images before you name them:',
    ...table(columns, rows),
    `Images: ${page}`,
    `Name one: labelloop novel name ${run} ${first?.cluster}=NAME`,
  ];
}

function namedLines(run: string, { dataset, classes, added, taken, carried, from }: Naming): string[] {
  const images = taken.reduce((sum, each) => sum + each.images.length, 0);
  return [
    `Dataset ${dataset}: ${plural(classes.length, 'class', 'classes')}, new ${added.join(', ') || 'none'}; the same images.`,
    `${plural(images, 'image')} of ${plural(taken.length, 'cluster')} are answers now${carried > 0 ? `, and ${count(carried)} of before` : ''}.`,
    `Run ${run}, its labels, history and certificates stay as they are.`,
    from === null
      ? nextRunStart(dataset)
      : `Next: labelloop adapt --from ${from} --dataset ${dataset} --labels ${MORE_ANSWERS} --watch (answers about the other classes help)`,
  ];
}
