import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../../src/contracts/dataset.js';
import { runView } from '../../src/contracts/run.js';
import { MNIST, TestHome } from '../support/stack.js';

const IMAGES = 400;
const ASKED = 10;
const HEADER = { images: 16, labels: 8 };
const PIXELS = 28 * 28;

/** MNIST's last training digits, dark on white: the same classes, seen elsewhere. As IDX files in a folder. */
async function inverted(folder: string): Promise<string> {
  await mkdir(folder);
  const last = async (file: string, header: number, width: number): Promise<Buffer> => {
    const bytes = await readFile(join(MNIST, file));
    const head = Buffer.from(bytes.subarray(0, header));
    head.writeUInt32BE(IMAGES, 4);
    return Buffer.concat([head, bytes.subarray(bytes.length - IMAGES * width)]);
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
    const { run: source } = await stack.json<{ run: string }>(
      ...['run', 'start', '--dataset', 'digits', '--passes', '5', '--student', 'augmented', ...quick],
    );
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

  it('needs a model: an unknown run is refused before anything starts', async () => {
    const { code, stderr } = await stack.run('adapt', '--from', 'nobody', '--dataset', 'dark');
    assert.deepEqual([code, /RUN_UNKNOWN/.test(stderr)], [1, true], stderr);
  });

  async function begun(dataset: string, ...verb: string[]): Promise<string> {
    return (await stack.json<{ run: string }>(...verb, '--dataset', dataset)).run;
  }
});
