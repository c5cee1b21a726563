import assert from 'node:assert/strict';
import { extensionOf, namingOf } from '../../src/cli/naming.js';
import { labelloop, manifest, novelView, rooms } from './fixtures.js';
import type { Log } from './fixtures.js';
import type { NovelAnswers } from '../../src/client/index.js';
import type { Naming } from '../../src/contracts/novel.js';

describe('novel show', () => {
  it('lists the clusters that may be new and says how one is named', async () => {
    const log: Log = [];
    const { out, exitCode } = await labelloop('novel show shells-1a2b3c4d --out novel.html', rooms(log));
    assert.equal(exitCode, 0);
    assert.deepEqual(log, ['novel shells-1a2b3c4d 20']);
    for (const words of [
      /cluster +images +without a label +far from all known +spread/,
      / 7 +1,310 +1,200 +90\.0 % +0\.43/,
      /11 +40 +3 +61\.0 % +0\.50/,
      /Images: novel\.html/,
      /labelloop novel name shells-1a2b3c4d 7=NAME/,
    ])
      assert.match(out, words);
  });

  it('says so where nothing looks new', async () => {
    const writeNovelPage = () => Promise.resolve({ page: 'x.html', view: novelView({ candidates: [] }) });
    const { out } = await labelloop('novel show shells-1a2b3c4d', rooms([], { writeNovelPage }));
    assert.match(out, /^None of 24 clusters looks new beside 500 labelled images\. .*x\.html\n$/);
  });

  it('prints the whole view with --json', async () => {
    const { out } = await labelloop('novel show shells-1a2b3c4d --images 5 --json');
    assert.deepEqual(JSON.parse(out), { ...novelView(), page: '/home/reports/shells-1a2b3c4d-novel.html' });
  });
});

describe('novel name', () => {
  it('hands over clusters, names and what to leave out, and says how to go on', async () => {
    const log: Log = [];
    const { out } = await labelloop(
      'novel name shells-1a2b3c4d 7=limpet 11=limpet --images 10 --not 0a1b2c,beach/1.png --as more',
      rooms(log),
    );
    assert.deepEqual(log, [
      'name shells-1a2b3c4d [{"cluster":7,"name":"limpet"},{"cluster":11,"name":"limpet"}] ' +
        '{"images":10,"not":["0a1b2c","beach/1.png"],"as":"more"}',
    ]);
    for (const words of [
      /^Dataset more: 3 classes, new limpet; the same images\.$/m,
      /^4 images of 2 clusters are answers now, and 3 of before\.$/m,
      /^Run shells-1a2b3c4d, its labels, history and certificates stay as they are\.$/m,
      /^Next: labelloop run start --dataset more --watch$/m,
    ])
      assert.match(out, words);
  });

  it('goes on by moving a model where there are no labelled images to begin a run with', async () => {
    const naming = {
      ...{ dataset: 'beach-3', classes: ['limpet'], added: ['limpet'], taken: [], carried: 0 },
      from: 'shells-1',
    };
    const { out } = await labelloop(
      'novel name beach-2-5e6f7a8b 7=limpet',
      rooms([], { nameClusters: () => Promise.resolve(naming) }),
    );
    assert.match(out, /^Next: labelloop adapt --from shells-1 --dataset beach-3 --labels 50 --watch /m);
  });

  it('answers with one document with --json', async () => {
    const { out } = await labelloop('novel name shells-1a2b3c4d 7=limpet --json');
    const naming = JSON.parse(out) as Naming;
    assert.deepEqual([naming.dataset, naming.added, naming.carried], ['shells-2', ['limpet'], 3]);
  });

  for (const wrong of ['limpet', '7=', 'x=limpet', '=limpet', '-1=limpet'])
    it(`refuses '${wrong}'`, async () => {
      const { exitCode, err } = await labelloop(`novel name shells-1a2b3c4d -- ${wrong}`);
      assert.equal(exitCode, 2);
      assert.match(err, /names no cluster\. Write .* 7=limpet/);
    });
});

describe('dataset add-class', () => {
  it('makes a dataset with the classes at the end', async () => {
    const log: Log = [];
    const { out } = await labelloop('dataset add-class shells limpet chiton --as more', rooms(log));
    assert.deepEqual(log, ['add shells limpet,chiton as more']);
    assert.match(out, /^Dataset more: /);
    assert.match(out, /4 classes: cowrie, whelk, limpet, chiton/);
  });
});

describe('what naming adds', () => {
  const image = (id: string) => ({ id, name: `${id}.png`, position: 0, distance: 0 });
  const said = (taken: NovelAnswers['taken'], before: NovelAnswers['before'] = []): NovelAnswers => ({
    ...{ dataset: { kind: 'dataset/1', sha256: '0'.repeat(64), bytes: 1 }, manifest: manifest(), taken, before },
  });

  it('is each new class once, and an answer an image, by old and new classes', () => {
    const answers = said(
      [
        { cluster: 7, name: 'limpet', images: [image('a'), image('b')] },
        { cluster: 3, name: 'whelk', images: [image('c')] },
        { cluster: 9, name: 'limpet', images: [image('d')] },
      ],
      [
        { id: 'a', label: 0 },
        { id: 'z', label: 1 },
      ],
    );
    assert.deepEqual(extensionOf(answers), {
      classes: ['limpet'],
      answers: [
        { id: 'a', label: 0 },
        { id: 'z', label: 1 },
        { id: 'a', label: 2 },
        { id: 'b', label: 2 },
        { id: 'c', label: 1 },
        { id: 'd', label: 2 },
      ],
    });
    const made = manifest({ name: 'shells-2', classes: ['cowrie', 'whelk', 'limpet'] });
    const naming = namingOf(answers, made, 'shells-1');
    assert.deepEqual([naming.dataset, naming.added, naming.carried], ['shells-2', ['limpet'], 1]);
    assert.equal(naming.from, null, 'a run begins with the labelled images');
    const bare = { ...made, counts: { ...made.counts, labelled: 0 } };
    assert.equal(namingOf(answers, bare, 'shells-1').from, 'shells-1');
  });
});
