import { problem } from '../contracts/errors.js';
import { scoreOf } from '../contracts/scores.js';
import { clustersFile, cutoffFile, relabelOutput } from '../contracts/stages.js';
import type { RelabelInput, RelabelOutput } from '../contracts/stages.js';
import type { AssignmentRow, ItemRow, LabelRow, PosteriorRow } from '../contracts/tables.js';
import { foldOf, foldSalt } from '../labelling/folds.js';
import { TopCandidates } from '../labelling/fence.js';
import { candidateLabel, countLabels, decide, heldLabel } from '../labelling/relabel.js';
import type { ByClusters } from '../labelling/relabel.js';
import { readRows, tables } from '../store/index.js';
import type { Store } from '../store/index.js';
import { nextRow, readItems, readManifest, readPosteriors, readSet, shardOf } from './inputs.js';
import { storeTable } from './outputs.js';
import { stage } from './stage.js';

/** Decides every pool image anew: labels are provisional, and each round may keep, flip or revoke them. */
export const relabel = stage<RelabelInput, RelabelOutput>(
  'relabel',
  2,
  relabelOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const cutoff = await store.readJson(input.cutoff, cutoffFile);
      const by = await clustersBehind(store, input);
      const candidates = cutoff.top === null ? null : new TopCandidates(cutoff.top);
      if (candidates) {
        // A rank needs the whole pool before its first decision.
        for await (const { posterior, group, previous } of poolRows(store, input))
          if (isEligible(posterior, group, by) && !heldLabel(previous, input.tenure))
            candidates.offer(scoreOf(cutoff.score, posterior));
      }
      const edge = candidates?.close() ?? 0;
      const context = {
        cutoff,
        top: candidates && { take: (score: number) => candidates.take(score), value: edge },
        tenure: input.tenure,
        ...(by ? { by } : {}),
        round: input.round,
        model: input.model.sha256,
        classes: (await readManifest(store, input.dataset)).classes,
      };

      let counts = countLabels([]);
      const decided = async function* (): AsyncGenerator<LabelRow> {
        for await (const { image, posterior, group, previous } of poolRows(store, input)) {
          const model = input.foldModels?.[foldOf(image.id, input.foldModels.length, foldSalt(input.seed ?? 0))];
          const of = model ? { ...context, model: model.sha256 } : context;
          const row = decide(image, posterior, group, previous, of);
          counts = countLabels([row], counts);
          yield row;
        }
      };
      const labels = await storeTable(store, 'labels/2', tables.labels, decided());
      return { labels, counts };
    }),
);

/** The clusters' labels, where they have a say. */
async function clustersBehind(store: Store, { by, clusters }: RelabelInput): Promise<ByClusters | undefined> {
  if (!by) return undefined;
  const file = await store.readJson(clusters, clustersFile);
  return { rule: by, labels: file.clusters.map(({ label }) => label) };
}

/** Whether a label would be given to the image if it ranks high enough. */
const isEligible = (posterior: PosteriorRow, group: AssignmentRow, by: ByClusters | undefined): boolean =>
  !group.outlier && candidateLabel(posterior, group, by) >= 0;

interface PoolRow {
  image: ItemRow;
  posterior: PosteriorRow;
  group: AssignmentRow;
  /** Of the round before. */
  previous: LabelRow | null;
}

/** The tables of the pool side by side, in its order; a shard is in memory at a time. */
async function* poolRows(store: Store, input: RelabelInput): AsyncGenerator<PoolRow> {
  const manifest = await readManifest(store, input.dataset);
  const { assignments } = await store.readJson(input.clusters, clustersFile);
  const { shards } = await readSet(store, input.pool);
  const groups = readRows(tables.assignments, await store.fetch(assignments));
  const before = input.previous ? readRows(tables.labels, await store.fetch(input.previous)) : undefined;
  for (const [index, scored] of shards.entries()) {
    const posteriors = await readPosteriors(store, scored.posteriors);
    const items = await readItems(store, shardOf(manifest, 'pool', index));
    for (const [i, posterior] of posteriors.entries()) {
      const [image, group] = [items[i], await nextRow(groups)];
      if (!image || !group)
        throw problem('SHAPE_MISMATCH', `Posteriors of shard ${index} have more rows than the shard has images.`);
      yield { image, posterior, group, previous: (before && (await nextRow(before))) ?? null };
    }
  }
}
