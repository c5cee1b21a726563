import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeBundle } from '../../src/client/bundle.js';
import { auditedBundle, key } from '../labelling/certificate/fixtures.js';

describe('verify.mjs on 100,000 labels', function () {
  this.timeout(300_000);

  for (const [drawing, repair] of [
    ['uniform', 300],
    ['uncertainty', 0],
  ] as const)
    // prettier-ignore
    it(`takes under 5 seconds of one core (${drawing})`, async function () {
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'labelloop-bundle-'));
      try {
        const wrong = (rank: number) => rank % 400 === 7;
        const audited = { labels: 100_000, wrong, epsilon: 0.02, cuts: [80_000, 95_000], repair, drawing, double: 0.1 };
        await writeBundle(dir, auditedBundle(audited), key.privateKey);
        // Time of the core, not of the clock: other processes may have it.
        const report = 'process.on("exit", () => { const { user, system } = process.cpuUsage(); console.log(user + system) })';
        const { status, stdout, stderr } = spawnSync(
          process.execPath,
          ['--import', `data:text/javascript,${report}`, path.join(dir, 'verify.mjs'), dir],
          { encoding: 'utf8' },
        );
        assert.equal(status, 0, stderr);
        const seconds = Number(stdout.trimEnd().split('\n').at(-1)) / 1e6;
        assert.ok(seconds > 0.1 && seconds < 5, `${seconds} s`);
      } finally {
        fs.rmSync(dir, { recursive: true, force: true });
      }
    });
});
