import { tmpdir } from 'node:os';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { deriveSeed, RandomStream } from '../src/contracts/random.js';
import { decodeSafetensors, tensorNamed } from '../src/contracts/safetensors.js';
import { PixelFeatures } from '../src/labelling/pixel-features.js';
import { twoSampleTest } from '../src/labelling/two-sample.js';
import { IMAGE } from './data.js';
import type { Features } from '../src/labelling/two-sample.js';

/*
 * How often the tests of `shift` reject: calibration images against the pool that a student learnt from, against fresh images
 * of the same law, and against others. Needs what `shift-models.js` wrote.
 *
 *     node dist/bench/shift.js --folder F --models consistency-1,consistency-2 --repeats 100 --known 200 --seen 1000
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: path.join(tmpdir(), 'labelloop-shift') },
    models: { type: 'string', default: 'consistency-1' },
    repeats: { type: 'string', default: '100' },
    known: { type: 'string', default: '200' },
    seen: { type: 'string', default: '1000' },
    against: { type: 'string', default: 'fresh,pool,moved,moved2,inverted,turned,optdigits' },
    mixed: { type: 'string', default: '1' },
    permutations: { type: 'string', default: '199' },
  },
});
const [repeats, known, seen] = [Number(values.repeats), Number(values.known), Number(values.seen)];
const SIZE = IMAGE.height * IMAGE.width;
/** Of `fresh`: images that calibrate come from the first part, those that are compared with them from the second. */
const CALIBRATION = 6000;

const read = (name: string): Buffer => readFileSync(path.join(values.folder, name));
const LEVELS = [0.05, 0.025];

function pixelsOf(set: string): Features {
  const file = read(set);
  const n = file.length / SIZE;
  const features = new PixelFeatures(IMAGE, deriveSeed(0, 'shift'));
  const data = new Float32Array(n * features.width);
  for (let i = 0; i < n; i++) data.set(features.of(file.subarray(i * SIZE, (i + 1) * SIZE)), i * features.width);
  return { data, n, width: features.width };
}

function latentsOf(set: string, model: string): Features {
  const { data, shape } = tensorNamed(decodeSafetensors(read(`${set}.${model}`)), 'features', 'F32');
  const [n, width] = shape as [number, number];
  const scaled = data.slice();
  for (let i = 0; i < n; i++) {
    const row = scaled.subarray(i * width, (i + 1) * width);
    const length = Math.hypot(...row);
    row.forEach((value, j) => (row[j] = length > 0 ? value / length : 0));
  }
  return { data: scaled, n, width };
}

function pick({ data, width }: Features, rows: ArrayLike<number>): Features {
  const picked = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++)
    picked.set(data.subarray((rows[i] as number) * width, ((rows[i] as number) + 1) * width), i * width);
  return { data: picked, n: rows.length, width };
}

const join = (a: Features, b: Features): Features => {
  const data = new Float32Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { data, n: a.n + b.n, width: a.width };
};

const draw = (from: number, to: number, count: number, random: RandomStream): Int32Array =>
  random.shuffle(Int32Array.from({ length: to - from }, (_, i) => from + i)).subarray(0, count);

/** Shares of tests that reject, at each level; of the images compared, a share `mixed` is of the set, the rest fresh. */
function rejections(fresh: Features, set: Features, name: string, mixed: number): number[] {
  const ps = Array.from({ length: repeats }, (_, repeat) => {
    const random = new RandomStream([repeat, 5]);
    const calibration = pick(fresh, draw(0, CALIBRATION, known, random));
    const others = Math.min(set.n, Math.round(mixed * seen));
    const compared =
      name === 'fresh'
        ? pick(fresh, draw(CALIBRATION, fresh.n, seen, random))
        : join(
            pick(set, draw(0, set.n, others, random)),
            pick(fresh, draw(CALIBRATION, fresh.n, seen - others, random)),
          );
    const options = { seed: [repeat, 6] as [number, number], permutations: Number(values.permutations) };
    return twoSampleTest([{ calibration, pool: compared }], options).p;
  });
  return LEVELS.map((level) => ps.filter((p) => p <= level).length / repeats);
}

const sets = values.against.split(',').filter((set) => existsSync(path.join(values.folder, set)));
const mixes = values.mixed.split(',').map(Number);
const report = (of: string, features: (set: string) => Features): void => {
  const fresh = features('fresh');
  for (const set of sets)
    for (const mixed of set === 'fresh' ? [1] : mixes) {
      const line = { of, set, mixed, known, seen, repeats, rejected: rejections(fresh, features(set), set, mixed) };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
};
for (const model of values.models.split(',').filter(Boolean))
  report(model === 'pixels' ? 'pixels' : `latents of ${model}`, (set) =>
    model === 'pixels' ? pixelsOf(set) : latentsOf(set, model),
  );
