import { copyFile } from 'node:fs/promises';
import { shiftWords } from '../contracts/shift-words.js';
import { cliErrors } from './errors.js';
import { percent, plural, table } from './format.js';
import { shiftInterrupted } from './messages.js';
import { untilInterrupt } from './terminal.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { MovedCluster, ShiftState } from '../contracts/shift.js';
import type { Call, Context } from './verb.js';

interface Options {
  out?: string;
  seed?: string;
}

/** Clusters that the terminal lists; the report has them all. */
const LISTED = 8;

export function addShiftVerb(program: Command, context: Context): void {
  program
    .command('shift')
    .description("tell whether a dataset's images are like those that a run's model knows; nothing is trained")
    .argument('<run>', 'id of the run')
    .argument('<dataset>', "name of the dataset; import it with '--like' the run's dataset")
    .option('--out <file>', "HTML file to write (default: in Labelloop's folder)")
    .option('--seed <n>', 'which images are drawn from large sets, and the permutations (default 0)')
    .addHelpText(
      'after',
      examples('labelloop shift shells-1a2b3c4d beach-2', 'labelloop shift shells-1a2b3c4d beach-2 --out beach-2.html'),
    )
    .action(
      verb(context, async (call: Call<Options>, run: string, dataset: string) => {
        const { out, seed } = call.options;
        const output = await withClient(call.services, (client) =>
          untilInterrupt(
            call.terminal,
            () => shiftInterrupted(run, dataset),
            (signal) =>
              client.shift(run, dataset, {
                ...(seed === undefined ? {} : { seed: Number(seed) }),
                ...{ signal, onProgress: progressNotes(call.note) },
              }),
          ),
        );
        const { summary } = output;
        const { path: written, classes } = await call.services.writeShiftReport(run, dataset, output);
        if (out !== undefined)
          await copyFile(written, out).catch((error: unknown) => {
            throw cliErrors.outputNotWritable(out, error);
          });
        const report = out ?? written;
        return {
          document: { run, dataset, ...summary, report },
          lines: [
            ...shiftWords(summary, { known: `the calibration images of run '${run}'`, seen: `dataset '${dataset}'` }),
            ...movedLines(summary.moved, classes, call.terminal.out.columns),
            `Report: ${report}`,
          ],
        };
      }),
    );
}

/** A line a step, and a line every tenth of the shards. */
function progressNotes(note: (line: string) => void): (state: ShiftState) => void {
  let last = '';
  return ({ stage, shards: { done, total } }) => {
    const tenth = total === 0 ? 0 : Math.floor((10 * done) / total);
    const line = stage === 'sample' ? `scoring: ${10 * tenth} %` : stage === 'shift' ? 'comparing' : 'opening';
    if (line !== last) note(line);
    last = line;
  };
}

function movedLines(moved: readonly MovedCluster[], classes: readonly string[], width?: number): string[] {
  if (moved.length === 0) return ['No cluster moved by more than chance.'];
  const left = moved.length - LISTED;
  return [
    `${plural(moved.length, 'cluster')} moved, most first:`,
    ...table(
      [
        { title: 'cluster', align: 'right' },
        { title: 'class' },
        { title: 'share known', align: 'right' },
        { title: 'share new', align: 'right' },
        { title: 'spreads moved', align: 'right' },
      ],
      moved
        .slice(0, LISTED)
        .map(({ cluster, label, knownShare, seenShare, moved: by }) => [
          String(cluster),
          classes[label] ?? 'open',
          percent(knownShare),
          percent(seenShare),
          by === null ? '-' : by.toFixed(1),
        ]),
      width,
    ),
    ...(left > 0 ? [`and ${left} more, in the report.`] : []),
  ];
}
