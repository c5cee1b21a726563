import { RandomStream } from '../../src/contracts/random.js';
import type { Rows } from '../../src/labelling/rows.js';

export interface Looks {
  n: number;
  width: number;
  classes: number;
  /** Groups of each class. */
  looks: number;
  /** Standard deviation of the looks about their class, and of rows about their look; classes lie 1 apart a coordinate. */
  apart: number;
  spread: number;
  seed: number;
}

/** Rows of classes that have several looks each, all as likely. */
export function classesWithLooks({ n, width, classes, looks, apart, spread, seed }: Looks): Rows {
  const random = new RandomStream([seed, 6]);
  const normals = (length: number) => Float32Array.from({ length }, () => random.normal());
  const centres = normals(classes * width);
  const offsets = normals(classes * looks * width);
  const data = new Float32Array(n * width);
  for (let i = 0; i < n; i++) {
    const look = random.integer(classes * looks);
    for (let j = 0; j < width; j++)
      data[i * width + j] =
        centres[Math.floor(look / looks) * width + j]! + apart * offsets[look * width + j]! + spread * random.normal();
  }
  return { data, n, width };
}

/** The same rows in shards that end at the cuts. */
export async function* cut({ data, n, width }: Rows, cuts: readonly number[]): AsyncGenerator<Rows> {
  const ends = [...cuts.filter((end) => end > 0 && end < n).sort((a, b) => a - b), n];
  let from = 0;
  for (const end of ends) {
    yield { data: data.slice(from * width, end * width), n: end - from, width };
    from = end;
  }
  return Promise.resolve();
}
