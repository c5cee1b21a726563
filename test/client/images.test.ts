import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { PoolImages } from '../../src/client/images.js';
import { cats, dogs, importFixture, raises } from '../support/import-fixture.js';

describe('images of a pool, one at a time', function () {
  this.timeout(30_000);
  const fixture = importFixture();
  const pool = ['unlabelled/a.png', 'unlabelled/b.png', 'unlabelled/c.png', 'unlabelled/d.png', 'unlabelled/e.png'];

  it("are found by their place, with the original's bytes and the pixels that the model sees", async () => {
    await fixture.writeImages(...cats, ...dogs, ...pool);
    const { manifest } = await fixture.load({ shardSize: 2 });
    assert.equal(manifest.shards.pool.length, 3);
    const images = new PoolImages(fixture.store, manifest);
    const names = new Set<string>();
    for (let position = 0; position < pool.length; position++) {
      const { shard, index, name } = await images.find(position);
      names.add(name);
      const bytes = await readFile(join(fixture.data, name));
      const { decodeTable, tables } = await import('../../src/store/index.js');
      const items = await decodeTable(tables.items, await fixture.store.readBytes(manifest.shards.pool[shard]!.items));
      const image = await images.read({ id: items[index]!.id, shard, index });
      assert.equal(image.original?.extension, 'png');
      assert.deepEqual(Buffer.from(image.original.bytes), bytes);
      const raw = await sharp(bytes).toColourspace('b-w').raw().toBuffer();
      assert.deepEqual(Buffer.from(image.pixels), raw);
    }
    assert.deepEqual([...names].sort(), pool);
  });

  it('are refused where another image is', async () => {
    await fixture.writeImages(...cats, ...dogs, ...pool);
    const images = new PoolImages(fixture.store, (await fixture.load()).manifest);
    await assert.rejects(
      images.read({ id: '0'.repeat(32), shard: 0, index: 0 }),
      raises('AUDIT_INVALID', 'no image', 'Ask for the next images again'),
    );
    await assert.rejects(images.find(99), raises('SHAPE_MISMATCH'));
  });
});
