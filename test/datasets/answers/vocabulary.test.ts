import assert from 'node:assert/strict';
import fc from 'fast-check';
import { labelStudioConfig, vocabularyOf } from '../../../src/datasets/answers/index.js';
import { distance, nearest } from '../../../src/datasets/answers/nearest.js';

describe('the words of answers', () => {
  it('are the classes, unsure and none', () => {
    const { words, verdictOf } = vocabularyOf(['cat', 'dog']);
    assert.deepEqual(words, ['cat', 'dog', 'unsure', 'none']);
    assert.deepEqual(['cat', ' dog ', 'unsure', 'none', 'Cat', ''].map(verdictOf), [
      0,
      1,
      'unsure',
      'none',
      null,
      null,
    ]);
  });

  it('mean the class where a class is called so', () => {
    const { words, verdictOf } = vocabularyOf(['none', '(none)', 'x']);
    assert.deepEqual(words, ['none', '(none)', 'x', 'unsure', '((none))']);
    assert.deepEqual(['none', '((none))'].map(verdictOf), [0, 'none']);
  });

  it('are found decomposed too, as macOS writes them', () => {
    assert.equal(vocabularyOf(['é', 'e']).verdictOf('é'.normalize('NFD')), 0);
  });
});

describe('the nearest word', () => {
  const cases: [string, string, number][] = [
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['wehlk', 'whelk', 1],
    ['ca', 'abc', 3],
    ['猫', '犬', 1],
  ];
  for (const [from, to, edits] of cases)
    it(`'${from}' is ${edits} from '${to}'`, () => assert.equal(distance(from, to), edits));

  it('has a distance that is symmetric, and 0 for the same alone', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        assert.equal(distance(a, b), distance(b, a));
        assert.equal(distance(a, b) === 0, a === b);
        assert.ok(distance(a, b) <= Math.max(a.length, b.length));
      }),
    );
  });

  it('is none where none is near', () => {
    assert.equal(nearest('Whelk', ['cowrie', 'whelk']), 'whelk');
    assert.equal(nearest('7', ['cowrie', 'whelk']), null);
  });
});

describe("Label Studio's configuration", () => {
  it('has the classes with the digits as keys, and escapes what XML needs escaped', () => {
    const config = labelStudioConfig(vocabularyOf(['a<b & "c"', 'dog']));
    assert.match(config, /<Choice value="a&lt;b &amp; &quot;c&quot;" hotkey="1"\/>/);
    assert.match(config, /<Choice value="dog" hotkey="2"\/>/);
    assert.match(config, /<Choice value="unsure" hotkey="u" hint="cannot tell"\/>/);
    assert.match(config, /<Choices name="answer" toName="image" choice="single" required="true">/);
  });

  it('lets people search where classes are many', () => {
    const config = labelStudioConfig(vocabularyOf(Array.from({ length: 500 }, (_, i) => `class ${i}`)));
    assert.match(config, /layout="select"/);
    assert.equal(config.match(/<Choice /g)?.length, 502);
  });
});
