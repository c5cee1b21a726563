import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { freezeOutput } from '../../contracts/audit-stages.js';
import type { FreezeInput, FreezeOutput, QuestionsFile } from '../../contracts/audit-stages.js';
import { problem } from '../../contracts/errors.js';
import type { Ref } from '../../contracts/references.js';
import { scoreOf } from '../../contracts/scores.js';
import { cutoffFile } from '../../contracts/stages.js';
import type { ItemRow, LabelRow, PosteriorRow } from '../../contracts/tables.js';
import { frozenLine, MerkleTree } from '../../labelling/certificate/index.js';
import { readRows, tables } from '../../store/index.js';
import type { Store } from '../../store/index.js';
import { nextRow, readItems, readManifest, readPosteriors, readSet, shardOf } from '../inputs.js';
import { stage } from '../stage.js';
import { classIndex } from './one-class.js';
import { FrozenPool } from './frozen-pool.js';
import { MostUseful } from './most-useful.js';
import type { OpenImage } from './most-useful.js';

/** Lines that are written at a time. */
const LINES = 2000;

/**
 * Lists a round's machine labels, of one class or of all, by their certainty: what an audit is about. Streams the pool; memory holds some 70 bytes an
 * image, a million fit.
 */
export const freeze = stage<FreezeInput, FreezeOutput>('freeze', 1, freezeOutput, async (input, { store, beating }) =>
  beating(async () => {
    const manifest = await readManifest(store, input.dataset);
    const only = input.class === undefined ? null : classIndex(manifest, input.class);
    const { score } = await store.readJson(input.cutoff, cutoffFile);
    const frozen = new FrozenPool(manifest.counts.pool);
    const open = new MostUseful();
    let position = 0;
    for await (const { item, label, posterior, pixels } of poolRows(store, input)) {
      if (label.status === 'accepted' && label.source === 'model' && (only === null || label.label === only)) {
        const image = createHash('sha256').update(pixels()).digest();
        frozen.add({ id: item.id, image, label: label.label, position, score: scoreOf(score, posterior) });
      } else if (label.status !== 'accepted') {
        open.offer({ position, epistemic: posterior.epistemic, entropy: posterior.predictive_entropy });
      }
      position++;
    }
    const ranks = frozen.ranks();
    const { file, root } = ranks.length === 0 ? { file: null, root: null } : await writeFrozen(store, frozen, ranks);
    const positions = Uint32Array.from(ranks, (row) => frozen.positionAt(row));
    const scores = Float64Array.from(ranks, (row) => frozen.scoreAt(row));
    return {
      frozen: file,
      root,
      labels: ranks.length,
      positions: await store.putBytes('positions/1', new Uint8Array(positions.buffer)),
      scores: await store.putBytes('scores/1', new Uint8Array(scores.buffer)),
      questions: await storeQuestions(store, input, open.chosen()),
    };
  }),
);

interface PoolRow {
  item: ItemRow;
  label: LabelRow;
  posterior: PosteriorRow;
  /** The image's model-sized pixels; the shard's are read when the first is asked for. */
  pixels: () => Uint8Array;
}

/** The pool in its order: what it is, what the round said of it. A shard is in memory at a time. */
async function* poolRows(store: Store, input: FreezeInput): AsyncGenerator<PoolRow> {
  const manifest = await readManifest(store, input.dataset);
  const { height, width, channels } = manifest.image;
  const size = height * width * channels;
  const { shards } = await readSet(store, input.pool);
  const labels = readRows(tables.labels, await store.fetch(input.labels));
  for (const [index, scored] of shards.entries()) {
    const shard = shardOf(manifest, 'pool', index);
    const [items, posteriors, pixels] = await Promise.all([
      readItems(store, shard),
      readPosteriors(store, scored.posteriors),
      store.readBytes(shard.pixels),
    ]);
    for (const [i, item] of items.entries()) {
      const label = await nextRow(labels);
      const posterior = posteriors[i];
      if (!label || !posterior || label.id !== item.id)
        throw problem('SHAPE_MISMATCH', `Labels of shard ${index} are not those of its images. Start the run again.`);
      yield { item, label, posterior, pixels: () => pixels.subarray(i * size, (i + 1) * size) };
    }
  }
}

async function writeFrozen(store: Store, frozen: FrozenPool, ranks: Uint32Array): Promise<{ file: Ref; root: string }> {
  const folder = await store.temporaryFolder();
  const tree = new MerkleTree();
  const lines = function* (): Generator<string> {
    for (let start = 0; start < ranks.length; start += LINES) {
      let text = '';
      for (let rank = start; rank < Math.min(start + LINES, ranks.length); rank++) {
        const line = frozenLine(frozen.lineAt(ranks[rank] as number, rank));
        tree.add(line);
        text += `${line}\n`;
      }
      yield text;
    }
  };
  try {
    const path = join(folder, 'labels.jsonl');
    await pipeline(lines, createWriteStream(path));
    return { file: await store.putFile('frozen/1', path), root: tree.root() };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function storeQuestions(store: Store, input: FreezeInput, chosen: readonly OpenImage[]): Promise<Ref> {
  const manifest = await readManifest(store, input.dataset);
  const ids = new Map<number, string>();
  for (const shard of manifest.shards.pool) {
    const inside = chosen.filter(({ position }) => position >= shard.offset && position < shard.offset + shard.count);
    if (inside.length === 0) continue;
    const items = await readItems(store, shard);
    for (const { position } of inside) ids.set(position, items[position - shard.offset]?.id ?? '');
  }
  const file: QuestionsFile = {
    format: 'labelloop.questions/1',
    images: chosen.map(({ position }) => ({ id: ids.get(position) as string, position })),
  };
  return store.putJson('questions/1', file);
}
