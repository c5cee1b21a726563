import fs from 'node:fs';
import { RandomStream } from '../src/contracts/random.js';
import type { Rows } from '../src/labelling/rows.js';

/** Latents as a trained network has them: rows not below 0, of several looks of some classes, some wide, some narrow. */
export interface Mixture {
  rows: number;
  width: number;
  /** Groups that rows are drawn from; group g has a share that falls with g. */
  groups: number;
  seed: number;
}

/** Rows of one block; blocks are drawn from streams of their own. */
const BLOCK = 10_000;

/** Draws the mixture block by block; the same for the same arguments. */
export function* mixture({ rows, width, groups, seed }: Mixture): Generator<Rows> {
  const random = new RandomStream([seed, 0]);
  const centres = Float32Array.from({ length: groups * width }, () => Math.max(0, random.normal()));
  const spreads = Float64Array.from({ length: groups }, () => 0.2 + 0.4 * random.uniform());
  const shares = Float64Array.from({ length: groups }, (_, g) => 1 / (g + 5));
  const total = shares.reduce((a, b) => a + b, 0);
  for (let from = 0; from < rows; from += BLOCK) {
    const n = Math.min(BLOCK, rows - from);
    const noise = normals(new RandomStream([seed, 1], from / BLOCK), n * width);
    const data = new Float32Array(n * width);
    for (let i = 0; i < n; i++) {
      let left = random.uniform() * total;
      let group = 0;
      while (group < groups - 1 && (left -= shares[group] as number) > 0) group++;
      const spread = spreads[group] as number;
      for (let j = i * width; j < (i + 1) * width; j++)
        data[j] = Math.max(0, (centres[group * width + (j % width)] as number) + spread * (noise[j] as number));
    }
    yield { data, n, width };
  }
}

/** Standard normals, two of each pair of uniform words (Box and Muller 1958). */
function normals(random: RandomStream, count: number): Float32Array {
  const drawn = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((random.word() + 1) / 2 ** 32));
    const angle = (2 * Math.PI * random.word()) / 2 ** 32;
    drawn[i] = radius * Math.cos(angle);
    if (i + 1 < count) drawn[i + 1] = radius * Math.sin(angle);
  }
  return drawn;
}

/** The mixture as a raw float32 file, row after row, made where it is not there yet. */
export function writeMixture(file: string, of: Mixture): void {
  if (fs.existsSync(file)) return;
  const draft = `${file}.partial`;
  const out = fs.openSync(draft, 'w');
  for (const { data } of mixture(of)) fs.writeSync(out, new Uint8Array(data.buffer));
  fs.closeSync(out);
  fs.renameSync(draft, file);
}

/** Reads such a file in shards. */
export async function* readShards(file: string, width: number, rowsOfShard: number): AsyncGenerator<Rows> {
  const handle = await fs.promises.open(file);
  try {
    for (;;) {
      const bytes = new Uint8Array(rowsOfShard * width * 4);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, null);
      if (bytesRead === 0) return;
      const data = new Float32Array(bytes.buffer, 0, bytesRead / 4);
      yield { data, n: data.length / width, width };
    }
  } finally {
    await handle.close();
  }
}
