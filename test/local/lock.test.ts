import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { holder, isRunning, self, startOf, tryLock } from '../../src/local/lock.js';
import { clean, fixture, runNode, temporaryFolder } from './support.js';

describe('locks between processes', () => {
  after(clean);

  it('let one holder in at a time, however many processes contend and whoever of them is killed while it holds', async () => {
    const folder = temporaryFolder();
    const counter = path.join(folder, 'counter');
    fs.writeFileSync(counter, '0');
    const contend = (end: string): ReturnType<typeof runNode> =>
      runNode([fixture('lock-holder'), path.join(folder, 'lock'), counter, '15', end]);
    await Promise.all([contend(''), contend('killed'), contend('killed'), contend('')]);
    assert.equal(fs.readFileSync(counter, 'utf8'), '60');
  });

  it('are given to one of several processes that meet a lock of nobody', async () => {
    for (let round = 0; round < 5; round++) {
      const folder = temporaryFolder();
      fs.writeFileSync(path.join(folder, 'counter'), '0');
      const args = [fixture('lock-holder'), path.join(folder, 'lock'), path.join(folder, 'counter'), '1'];
      await Promise.all(Array.from({ length: 6 }, () => runNode(args)));
      assert.equal(fs.readFileSync(path.join(folder, 'counter'), 'utf8'), '6');
    }
  });

  it('are not given twice within a process, and again once they were given back', () => {
    const folder = path.join(temporaryFolder(), 'lock');
    const release = tryLock(folder, 'test');
    assert.ok(release !== null);
    assert.equal(tryLock(folder), null);
    assert.deepEqual({ ...holder(folder) }, { ...self(), role: 'test' });
    release();
    assert.equal(holder(folder), null);
    tryLock(folder)?.();
  });

  it('of a process whose id another one has by now are free', () => {
    const folder = path.join(temporaryFolder(), 'lock');
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, '1'), JSON.stringify({ pid: process.pid, start: 'long ago', role: '' }));
    assert.equal(holder(folder), null);
    assert.ok(tryLock(folder) !== null);
  });

  it('that were cut off while they were written are free', () => {
    const folder = path.join(temporaryFolder(), 'lock');
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, '1'), '{"pid":');
    assert.ok(tryLock(folder) !== null);
  });

  it('leave no file behind but the present one', () => {
    const folder = path.join(temporaryFolder(), 'lock');
    for (let i = 0; i < 5; i++) tryLock(folder)?.();
    assert.equal(fs.readdirSync(folder).length, 1);
  });
});

describe('process identity', () => {
  it('tells a running process, and one that never was', () => {
    assert.ok(isRunning(self()));
    assert.equal(startOf(2 ** 30), null);
  });
});
