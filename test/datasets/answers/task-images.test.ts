import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeTaskImages } from '../../../src/datasets/answers/index.js';
import { decodeTable, tables } from '../../../src/store/index.js';
import { cats, dogs, importFixture } from '../../support/import-fixture.js';

describe('writeTaskImages', function () {
  this.timeout(60_000);
  const fixture = importFixture();

  it('writes the asked images as they came, from any shard, in any order, and no others', async () => {
    await fixture.writeImages(...cats, ...dogs, ...Array.from({ length: 7 }, (_, i) => `pool/${i}.png`));
    const { manifest } = await fixture.load({ shardSize: 3 });
    const questions = [];
    for (const [shard, index] of [
      [2, 0],
      [0, 2],
      [1, 1],
      [0, 0],
    ] as const) {
      const items = await decodeTable(tables.items, await fixture.store.readBytes(manifest.shards.pool[shard]!.items));
      questions.push({ ...items[index]!, shard, index });
    }
    const out = join(fixture.folder, 'tasks');
    const names = await writeTaskImages(fixture.store, manifest, questions, out);
    assert.deepEqual((await readdir(out)).sort(), questions.map(({ id }) => `${id}.png`).sort());
    for (const { id, name } of questions) {
      assert.equal(names.get(id), `${id}.png`);
      assert.deepEqual(await readFile(join(out, `${id}.png`)), await readFile(join(fixture.data, name)), name);
    }
  });
});
