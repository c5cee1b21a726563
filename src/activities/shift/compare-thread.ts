import { parentPort, workerData } from 'node:worker_threads';
import { deriveSeed, RandomStream } from '../../contracts/random.js';
import { embed } from '../../labelling/embed.js';
import { shiftTests } from '../../labelling/shift.js';
import type { Compared, ComparedSide, CompareInput } from './compare-aside.js';

/** The thread of `compareAside`: compares what it was given, answers, and ends. */
const { known, seen, trainedOn, seed, picture } = workerData as CompareInput;
const result: Compared = {
  tests: shiftTests(known, seen, { trainedOn, seed }),
  places: picture ? layOut(known, seen) : [],
};
parentPort?.postMessage(result);

function layOut(one: ComparedSide, other: ComparedSide): Compared['places'] {
  const { width } = one.shown;
  const data = new Float32Array(one.shown.data.length + other.shown.data.length);
  data.set(one.shown.data);
  data.set(other.shown.data, one.shown.data.length);
  const n = one.shown.n + other.shown.n;
  const places = embed({ data, n, width }, new RandomStream(deriveSeed(seed, 'embed')));
  return Array.from({ length: n }, (_, i) => ({ x: places[2 * i] as number, y: places[2 * i + 1] as number }));
}
