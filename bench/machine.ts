import { parseArgs } from 'node:util';
import { loadBackend } from '../src/learning/backend.js';
import { serve } from './serve.js';

/*
 * What the machine can do: GFLOP/s of a matrix product that fills the cores, through the learner's own backend.
 *     echo | node dist/bench/machine.js --threads 2
 */
const SIDE = 2048;
const REPEATS = 10;

const { values } = parseArgs({ options: { threads: { type: 'string' } } });
if (values.threads !== undefined)
  process.env['TF_NUM_INTRAOP_THREADS'] = process.env['TF_NUM_INTEROP_THREADS'] = values.threads;
const { tf } = loadBackend();
const a = tf.randomNormal([SIDE, SIDE]);
const b = tf.randomNormal([SIDE, SIDE]);

/** The best of several: what others take of the cores can only lower it. */
function gigaflops(): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < REPEATS; i++) {
    const begun = performance.now();
    const product = tf.matMul(a, b);
    // One number read back waits for the whole product.
    tf.tidy(() => product.slice([0, 0], [1, 1]).dataSync());
    best = Math.min(best, performance.now() - begun);
    product.dispose();
  }
  return Promise.resolve((2 * SIDE ** 3) / best / 1e6);
}

await gigaflops();
await serve(gigaflops);
