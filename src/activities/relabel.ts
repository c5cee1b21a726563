import { problem } from '../contracts/errors.js';
import { clustersFile, cutoffFile, relabelOutput } from '../contracts/stages.js';
import type { RelabelInput, RelabelOutput } from '../contracts/stages.js';
import type { LabelRow } from '../contracts/tables.js';
import { countLabels, decide } from '../labelling/relabel.js';
import { readRows, tables } from '../store/index.js';
import { readItems, readManifest, readPosteriors, readSet, shardOf } from './inputs.js';
import { storeTable } from './outputs.js';
import { stage } from './stage.js';

/** Decides every pool image anew: labels are provisional, and each round may keep, flip or revoke them. */
export const relabel = stage<RelabelInput, RelabelOutput>(
  'relabel',
  1,
  relabelOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const manifest = await readManifest(store, input.dataset);
      const cutoff = await store.readJson(input.cutoff, cutoffFile);
      const { assignments } = await store.readJson(input.clusters, clustersFile);
      const { shards } = await readSet(store, input.pool);
      const groups = readRows(tables.assignments, await store.fetch(assignments));
      const before = input.previous ? readRows(tables.labels, await store.fetch(input.previous)) : undefined;
      const context = { cutoff, round: input.round, model: input.model.sha256, classes: manifest.classes };

      let counts = countLabels([]);
      const decided = async function* (): AsyncGenerator<LabelRow> {
        for (const [index, scored] of shards.entries()) {
          const posteriors = await readPosteriors(store, scored.posteriors);
          const items = await readItems(store, shardOf(manifest, 'pool', index));
          const rows: LabelRow[] = [];
          for (const [i, posterior] of posteriors.entries()) {
            const [image, group] = [items[i], await next(groups)];
            if (!image || !group)
              throw problem('SHAPE_MISMATCH', `Posteriors of shard ${index} have more rows than the shard has images.`);
            rows.push(decide(image, posterior, group, (before && (await next(before))) ?? null, context));
          }
          counts = countLabels(rows, counts);
          yield* rows;
        }
      };
      const labels = await storeTable(store, 'labels/1', tables.labels, decided());
      return { labels, counts };
    }),
);

async function next<Row>(rows: AsyncGenerator<Row>): Promise<Row | undefined> {
  const result = await rows.next();
  return result.done === true ? undefined : result.value;
}
