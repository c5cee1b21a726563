import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Labelloop } from '../../src/client/index.js';
import type { DatasetManifest } from '../../src/contracts/dataset.js';
import { novelView } from '../../src/contracts/novel.js';
import type { Naming } from '../../src/contracts/novel.js';
import { runView } from '../../src/contracts/run.js';
import { MNIST, TestHome } from '../support/stack.js';

const QUICK = ['--seed', '7', '--rounds', '1', '--steps', '60', '--passes', '5', '--student', 'augmented'];

describe('a class that nobody labelled, end to end', function () {
  this.timeout('5m');
  let stack: TestHome;
  let labelloop: Labelloop;

  before(async () => {
    stack = await TestHome.make();
    await stack.json('up');
    labelloop = await stack.connect();
  });

  after(async () => {
    await labelloop?.close();
    await stack?.remove();
  });

  const labelled = async (dataset: string): Promise<string> => {
    const { run } = await stack.json<{ run: string }>('run', 'start', '--dataset', dataset, ...QUICK);
    assert.equal((await stack.run('run', 'watch', run)).code, 0);
    return run;
  };

  it('is named by a person, and a run goes on with it; the old one stays', async () => {
    await stack.json(
      ...['dataset', 'import', MNIST, '--name', 'digits', '--keep-labels', '100', '--seed', '7'],
      ...['--pool', '600', '--shard-size', '256'],
    );
    const run = await labelled('digits');
    const before = runView.parse(await stack.json('run', 'show', run));
    const { page, ...shown } = await stack.json<{ page: string }>('novel', 'show', run, '--images', '5');
    assert.equal(novelView.parse(shown).clusters, 30);
    assert.match(await readFile(page, 'utf8'), /maybe new/);

    const names = ['0=odd', '1=odd', '2=3'];
    const naming = await stack.json<Naming>('novel', 'name', run, ...names, '--images', '5');
    assert.deepEqual([naming.dataset, naming.added], ['digits-2', ['odd']]);
    const answers = new Map(naming.taken.flatMap(({ name, images }) => images.map(({ id }) => [id, name])));
    assert.equal(answers.size, naming.taken.reduce((sum, { images }) => sum + images.length, 0)); // prettier-ignore

    const next = await labelled('digits-2');
    let people = 0;
    for await (const { id, source, class: name } of labelloop.labels(next)) {
      assert.equal(source === 'human' ? name : undefined, answers.get(id));
      if (source === 'human') people++;
    }
    assert.equal(people, answers.size);
    const { truth } = runView.parse(await stack.json('run', 'show', next));
    assert.ok(truth, 'the closing comparison takes a class that no hidden label is of');

    assert.deepEqual({ ...runView.parse(await stack.json('run', 'show', run)), report: before.report }, before);
    const old = await stack.json<DatasetManifest>('dataset', 'show', 'digits');
    assert.equal(old.classes.length, 10);
  });

  it('can be added without answers', async () => {
    const made = await stack.json<DatasetManifest>('dataset', 'add-class', 'digits', 'ten', '--as', 'eleven');
    assert.deepEqual([made.name, made.classes.at(-1), made.classes.length], ['eleven', 'ten', 11]);
    const page = join('none', 'novel.html');
    const { code, stderr } = await stack.run('novel', 'show', 'nobody', '--out', page);
    assert.deepEqual([code, /RUN_UNKNOWN/.test(stderr)], [1, true]);
  });
});
