import assert from 'node:assert/strict';
import fc from 'fast-check';
import { indexOf, search } from '../../src/review/page/search.js';

const find = (classes: string[], typed: string, most = 10): string[] =>
  search(indexOf(classes), typed, most).map((i) => classes[i] ?? '');

describe('the search of classes', () => {
  const birds = ['barn owl', 'snowy owl', 'owl', 'bowl', 'owlet', 'cowl', 'oriole, white, long'];

  it('ranks the whole name, its beginning, a word, any place, the letters in order', () => {
    assert.deepEqual(find(birds, 'owl'), [
      'owl',
      'owlet',
      'barn owl',
      'snowy owl',
      'bowl',
      'cowl',
      'oriole, white, long',
    ]);
  });

  it('finds a word that the same letters stand before', () => {
    assert.deepEqual(find(['bowls', 'bowl, owl'], 'owl'), ['bowl, owl', 'bowls']);
  });

  it('knows neither case nor accents', () => {
    assert.deepEqual(find(['Épée', 'Sabre'], 'epe'), ['Épée']);
    assert.deepEqual(find(['ångström'], 'Ang'), ['ångström']);
  });

  it('shows all where nothing is typed, as many as are wanted', () => {
    assert.deepEqual(find(birds, ' ', 2), ['barn owl', 'snowy owl']);
  });

  it('has a class first whose whole name is typed, among any others', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1 }), fc.nat(), (classes, pick) => {
        const wanted = classes[pick % classes.length] ?? '';
        assert.equal(find(classes, wanted)[0], wanted);
      }),
    );
  });

  it('takes under 20 ms among 10,000 classes', () => {
    const index = indexOf(Array.from({ length: 10_000 }, (_, i) => `species number ${i}`));
    const times = Array.from({ length: 9 }, () => {
      const start = performance.now();
      assert.equal(search(index, '99', 60).length, 60);
      return performance.now() - start;
    });
    // The best: others may have the processor meanwhile.
    assert.ok(Math.min(...times) < 20, `${times.join(' ')} ms`);
  });
});
