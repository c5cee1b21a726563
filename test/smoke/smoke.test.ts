/** What another version of Node can break, in seconds. infra/nodes.mjs runs this and the replays on each that is promised. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors } from '../../src/contracts/safetensors.js';
import { decodeImage } from '../../src/datasets/decode.js';
import { forkLearner } from '../../src/learner/client.js';
import { decodeTable, encodeTable, tables } from '../../src/store/index.js';
import { barTasks, temporaryDirectory, tinyRecipe } from '../learning/fixtures.js';
import { image, noise } from '../support/images.js';
import type { StoredTensor } from '../../src/contracts/safetensors.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

const labelloop = (...args: string[]): string => execFileSync(process.execPath, [main, ...args], { encoding: 'utf8' });

describe(`on Node ${process.versions.node}`, () => {
  const directory = temporaryDirectory();

  it('the command line answers --help and --version', () => {
    assert.match(labelloop('--help'), /^Usage: labelloop /);
    assert.equal(labelloop('--version').trim(), version);
  });

  for (const room of ['activities', 'client', 'datasets', 'local', 'report', 'store', 'workers'])
    it(`src/${room} loads with all that it depends on`, async () => {
      const loaded = (await import(`../../src/${room}/index.js`)) as object;
      assert.ok(Object.keys(loaded).length > 0);
    });

  it('a learner loads the compute library, trains five steps and samples', async () => {
    const tasks = barTasks(directory, { height: 12, width: 12, channels: 1 });
    const learner = forkLearner();
    try {
      const trained = await learner.train(tasks.train({ recipe: { ...tinyRecipe, steps: 5 } }));
      assert.equal(trained.steps, 5);
      const sampled = await learner.sample(tasks.sample());
      assert.equal(sampled.count, 64);
    } finally {
      await learner.close();
    }
  });

  it('a table comes back from Parquet', async () => {
    const rows = [
      { id: 'ä', label: 3 },
      { id: 'b', label: -1 },
    ];
    assert.deepEqual(await decodeTable(tables.answers, encodeTable(tables.answers, rows)), rows);
  });

  it('a tensor comes back from safetensors', () => {
    const weights: StoredTensor = { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 0) };
    const { tensors } = decodeSafetensors(encodeSafetensors({ weights }));
    assert.deepEqual(tensors['weights'], weights);
  });

  it('a PNG is decoded to its pixels', async () => {
    const pixels = await decodeImage(await image(1), { height: 16, width: 16, channels: 1 });
    assert.deepEqual(Buffer.from(pixels), Buffer.from(noise(1)));
  });
});
