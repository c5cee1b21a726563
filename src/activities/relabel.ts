import { problem } from '../contracts/errors.js';
import { clustersFile, cutoffFile, relabelOutput } from '../contracts/stages.js';
import type { RelabelInput, RelabelOutput } from '../contracts/stages.js';
import type { LabelRow } from '../contracts/tables.js';
import { countLabels, decide } from '../labelling/relabel.js';
import { decodeTable, encodeTable, readRows, tables } from '../store/index.js';
import { readItems, readManifest, readPosteriors, readSet, shardOf } from './inputs.js';
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
      const groups = await decodeTable(tables.assignments, await store.readBytes(assignments));
      const before = input.previous
        ? readRows(tables.labels, await store.fetch(input.previous))[Symbol.asyncIterator]()
        : undefined;
      const context = { cutoff, round: input.round, model: input.model.sha256, classes: manifest.classes };

      const rows: LabelRow[] = [];
      const { shards } = await readSet(store, input.pool);
      for (const [index, scored] of shards.entries()) {
        const posteriors = await readPosteriors(store, scored.posteriors);
        const items = await readItems(store, shardOf(manifest, 'pool', index));
        for (const [i, posterior] of posteriors.entries()) {
          const previous = before ? ((await before.next()).value as LabelRow | undefined) : undefined;
          const [image, group] = [items[i], groups[rows.length]];
          if (!image || !group)
            throw problem('SHAPE_MISMATCH', `Posteriors of shard ${index} have more rows than the shard has images.`);
          rows.push(decide(image, posterior, group, previous ?? null, context));
        }
      }
      return { labels: await store.putBytes('labels/1', encodeTable(tables.labels, rows)), counts: countLabels(rows) };
    }),
);
