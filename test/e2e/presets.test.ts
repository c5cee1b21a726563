import assert from 'node:assert/strict';
import { mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Labelloop } from '../../src/client/index.js';
import { presetNames } from '../../src/contracts/presets.js';
import { MNIST, TestHome } from '../support/stack.js';

describe('presets, end to end', function () {
  this.timeout('5m');
  let stack: TestHome;
  let labelloop: Labelloop;

  before(async () => {
    stack = await TestHome.make();
    await stack.json('up');
    labelloop = await stack.connect();
    // The training file alone: 10,000 test images would take the time of all the rest.
    const folder = await mkdtemp(join(tmpdir(), 'labelloop-presets-'));
    for (const file of ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'])
      await symlink(join(MNIST, file), join(folder, file));
    await stack.json(
      ...['dataset', 'import', folder, '--name', 'few', '--keep-labels', '80', '--seed', '3', '--pool', '256'],
    );
  });

  after(async () => {
    await labelloop?.close();
    await stack?.remove();
  });

  for (const preset of presetNames)
    it(`${preset} trains, scores, decides and compares`, async () => {
      const { run } = await stack.json<{ run: string }>(
        ...['run', 'start', '--dataset', 'few', '--preset', preset, '--steps', '8', '--passes', '5'],
        ...['--rounds', '1', '--members', '2', '--target-error', '40%'],
      );
      await labelloop.result(run);
      const { rounds, truth, budget } = await labelloop.show(run);
      const [record] = await labelloop.roundRecords(run);
      assert.equal(rounds.length, 1);
      assert.equal(truth?.coverageAt.length, 4);
      assert.equal(record?.members.length, preset === 'dest' ? 1 : 0);
      assert.equal(rounds[0]?.passes, { dest: 2, st: 1, dst: 1, supervised: 1 }[preset as string] ?? 5);
      assert.equal(budget.validation > 0, preset === 'dbst-2019');
      assert.equal(budget.train + budget.validation + budget.calibration, 80);
    });

  it('sequential passes end where a decision is settled', async () => {
    const { run } = await labelloop.start({
      ...{ dataset: 'few', steps: 40, passes: 30, rounds: 1, sampling: 'sequential', targetError: 0.4 },
    });
    await labelloop.result(run);
    const passes = (await labelloop.show(run)).rounds[0]?.passes ?? 0;
    assert.ok(passes >= 5 && passes <= 120 && passes !== 30, `${passes} passes an image`);
  });
});
