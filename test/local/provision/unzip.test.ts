import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { unzip } from '../../../src/local/provision/unzip.js';
import { clean, temporaryFolder } from '../support.js';

interface Content {
  readonly name: string;
  readonly text: string;
  readonly mode?: number;
  readonly packed?: boolean;
}

/** A zip as other programs write it: local headers with an extra field that the directory lacks, and a comment at the end. */
function zip(contents: readonly Content[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, text, mode = 0o644, packed = true } of contents) {
    const data = packed ? deflateRawSync(text) : Buffer.from(text);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(packed ? 8 : 0, 4);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(Buffer.byteLength(text), 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.from(common);
    local.writeUInt16LE(4, 24);
    locals.push(Buffer.from('PK\x03\x04'), local, Buffer.from(name), Buffer.from('more'), data);
    const entry = Buffer.alloc(46);
    entry.write('PK\x01\x02', 'latin1');
    common.copy(entry, 6);
    entry.writeUInt32LE((mode << 16) >>> 0, 38);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, Buffer.from(name));
    offset += 4 + 26 + Buffer.byteLength(name) + 4 + data.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end, Buffer.from('a comment')]);
}

describe('unzip', () => {
  after(clean);
  const written = (bytes: Buffer): string => {
    const file = path.join(temporaryFolder(), 'a.whl');
    fs.writeFileSync(file, bytes);
    return file;
  };

  it('unpacks what it is told, packed or not, with the permission to execute', async () => {
    const file = written(
      zip([
        { name: 'a/tool', text: 'tool '.repeat(1000), mode: 0o755 },
        { name: 'a/empty', text: '', packed: false },
        { name: 'a/plain', text: 'plain', packed: false },
        { name: 'b/not-wanted', text: 'x' },
      ]),
    );
    const folder = temporaryFolder();
    const count = await unzip(file, folder, (name) => (name.startsWith('a/') ? name.slice(2) : null));
    assert.equal(count, 3);
    assert.deepEqual(fs.readdirSync(folder).sort(), ['empty', 'plain', 'tool']);
    assert.equal(fs.readFileSync(path.join(folder, 'tool'), 'utf8'), 'tool '.repeat(1000));
    assert.equal(fs.statSync(path.join(folder, 'tool')).mode & 0o777, 0o755);
    assert.equal(fs.statSync(path.join(folder, 'plain')).mode & 0o111, 0);
  });

  it('refuses an entry that points out of the folder', async () => {
    const file = written(zip([{ name: '../outside', text: 'x' }]));
    await assert.rejects(
      unzip(file, temporaryFolder(), (name) => name),
      /points outside/,
    );
  });

  it('refuses what is cut off', async () => {
    const whole = zip([{ name: 'a', text: 'x'.repeat(100) }]);
    await assert.rejects(
      unzip(written(whole.subarray(0, 60)), temporaryFolder(), (name) => name),
      /SETUP_FAILED|no zip archive|is not a zip archive/,
    );
  });
});
