import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../../src/contracts/dataset.js';
import { runView } from '../../src/contracts/run.js';
import { runPointer, runPointerPath } from '../../src/contracts/shift.js';
import type { RunPointer } from '../../src/contracts/shift.js';
import { MNIST, TestHome } from '../support/stack.js';

const IMAGES = 400;
const ASKED = 10;
const HEADER = { images: 16, labels: 8 };
const PIXELS = 28 * 28;

/** Some of MNIST's last training digits, dark on white: the same classes, seen elsewhere. As IDX files in a folder. */
async function inverted(folder: string, before = 0): Promise<string> {
  await mkdir(folder);
  const last = async (file: string, header: number, width: number): Promise<Buffer> => {
    const bytes = await readFile(join(MNIST, file));
    const head = Buffer.from(bytes.subarray(0, header));
    head.writeUInt32BE(IMAGES, 4);
    const end = bytes.length - before * width;
    return Buffer.concat([head, bytes.subarray(end - IMAGES * width, end)]);
  };
  const images = await last('train-images-idx3-ubyte', HEADER.images, PIXELS);
  for (let i = HEADER.images; i < images.length; i++) images[i] = 255 - (images[i] as number);
  await writeFile(join(folder, 'train-images-idx3-ubyte'), images);
  await writeFile(join(folder, 'train-labels-idx1-ubyte'), await last('train-labels-idx1-ubyte', HEADER.labels, 1));
  return folder;
}

describe('a model that moves to another dataset, end to end', function () {
  this.timeout('5m');
  let stack: TestHome;
  let source: string;
  let moved: string;

  before(async () => {
    stack = await TestHome.make();
    await stack.json('up');
  });

  after(() => stack?.remove());

  it('asks for ten labels, learns from them, and ends like a run', async () => {
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '100', '--seed', '7'],
      ...['--pool', '400', '--shard-size', '256'],
    );
    const quick = ['--seed', '7', '--rounds', '1', '--steps', '60'];
    source = await begun('digits', 'run', 'start', '--passes', '5', '--student', 'augmented', ...quick);
    assert.equal((await stack.run('run', 'watch', source)).code, 0);

    const folder = await inverted(join(stack.home, 'inverted'));
    const dark = await stack.json<DatasetManifest>(
      ...['dataset', 'import', folder, '--name', 'dark', '--like', 'digits', '--keep-labels', '0'],
    );
    assert.deepEqual([dark.counts.labelled, dark.counts.pool, dark.classes.length], [0, IMAGES, 10]);
    const plain = await stack.run('run', 'watch', await begun('dark', 'run', 'start'));
    assert.match(plain.stderr + plain.stdout, /labelloop adapt --from RUN --dataset dark/);

    const run = await begun(
      'dark',
      'adapt',
      '--from',
      source,
      '--labels',
      String(ASKED),
      '--answers',
      'truth',
      ...quick,
    );
    moved = run;
    const { code, stderr } = await stack.run('run', 'watch', run);
    assert.equal(code, 0, stderr);
    const view = runView.parse(await stack.json('run', 'show', run));
    assert.deepEqual([view.status, view.dataset, view.rounds.length], ['completed', 'dark', 1]);
    assert.deepEqual([view.budget.train, view.budget.calibration], [ASKED, 0], 'ten answers, and none calibrates');
    assert.equal(view.rounds[0]?.estimate.coverage, 0, 'a borrowed cut-off says nothing of its error');
    assert.ok(view.truth, 'the closing comparison read the hidden labels');

    const out = join(stack.home, 'labels.csv');
    const { rows } = await stack.json<{ rows: number }>('labels', 'export', run, '--out', out);
    assert.equal(rows, IMAGES);
    const [head, ...lines] = (await readFile(out, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const column = head?.indexOf('source') ?? -1;
    assert.equal(lines.filter((cells) => cells[column] === 'human').length, ASKED);
  });

  it('moves on to a third, and forgets neither the first one nor what people said about the second', async () => {
    const folder = await inverted(join(stack.home, 'further'), IMAGES);
    await stack.json('dataset', 'import', folder, '--name', 'further', '--like', 'digits', '--keep-labels', '0');
    const run = await begun('further', 'adapt', '--from', moved, '--seed', '7', '--rounds', '1', '--steps', '60');
    const { code, stderr } = await stack.run('run', 'watch', run);
    assert.equal(code, 0, stderr);
    const [first, second] = [await left(source), await left(moved)];
    const { labels } = runView.parse(await stack.json('run', 'show', moved));
    const { source: heard } = await left(run);
    assert.deepEqual(heard, {
      ...{ dataset: second.dataset, split: second.split, labels },
      earlier: [second.source],
    });
    assert.equal(second.source?.dataset.sha256, first.dataset.sha256);
  });

  it('needs a model: an unknown run is refused before anything starts', async () => {
    const { code, stderr } = await stack.run('adapt', '--from', 'nobody', '--dataset', 'dark');
    assert.deepEqual([code, /RUN_UNKNOWN/.test(stderr)], [1, true], stderr);
  });

  /** What a run left in the store for those that build on it. */
  async function left(run: string): Promise<RunPointer> {
    const labelloop = await stack.connect();
    try {
      const pointer = await labelloop.store.getPointer(runPointerPath(run), runPointer);
      assert.ok(pointer);
      return pointer;
    } finally {
      await labelloop.close();
    }
  }

  async function begun(dataset: string, ...verb: string[]): Promise<string> {
    return (await stack.json<{ run: string }>(...verb, '--dataset', dataset)).run;
  }
});
