import assert from 'node:assert/strict';
import { multiplyAdds } from '../../bench/flops.js';
import { replaceMarked, table } from '../../bench/table.js';

describe('the benches', () => {
  it('replace what stands between their marks and nothing else', () => {
    const page = 'before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter';
    const once = replaceMarked(page, 'a', 'new');
    assert.equal(once, 'before\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nafter');
    assert.equal(replaceMarked(once, 'a', 'new'), once);
    assert.throws(() => replaceMarked(page, 'b', 'new'), /bench:b/);
  });

  it('align the columns of a table', () => {
    assert.equal(table(['who', 'x'], [['one', '1234']]), '| who | x    |\n| --- | ---- |\n| one | 1234 |');
  });

  it('count the multiply-adds of the networks', () => {
    // 14 x 14 positions of 5 x 5 x 32, then of 3 x 3 x 32 x 64, and the dense layers.
    assert.equal(multiplyAdds('compact'), 196 * (800 + 18_432) + 3136 * 128 + 128 * 11);
    assert.equal((multiplyAdds('densenet') / 1e6).toFixed(1), '55.1');
  });
});
