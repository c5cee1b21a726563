import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gradeLines } from '../../src/cli/end-table.js';
import { problem } from '../../src/contracts/errors.js';
import { labelloop, ref, rooms, shiftOf, view } from './fixtures.js';
import type { Log } from './fixtures.js';

describe('labelloop shift', () => {
  it('says whether the two are alike, by which test, and which clusters moved', async () => {
    const log: Log = [];
    const { exitCode, out, err } = await labelloop('shift shells-1a2b3c4d beach-2 --seed 4', rooms(log));
    assert.equal(exitCode, 0, 'a difference is an answer, no failure');
    assert.deepEqual(log, ['shift shells-1a2b3c4d beach-2 4', 'close', 'shift report shells-1a2b3c4d beach-2']);
    assert.match(err, /scoring: 50 %/);
    const lines = out.trimEnd().split('\n');
    assert.equal(
      lines[0],
      "Dataset 'beach-2' and the calibration images of run 'shells-1a2b3c4d' are not alike: two-sample test by permutation, pixels p = 0.001, latents p = 0.21 (each at 2.5 %; 200 against 2,000 images).",
    );
    assert.match(lines[1] ?? '', /^Outside every cluster: 57; as many as .* let expect: 12\.$/);
    assert.equal(lines[2], '1 cluster moved, most first:');
    assert.match(lines[4] ?? '', /3\s+cowrie\s+10\.0 %\s+2\.50 %\s+1\.3$|3\s+cowrie\s+10\.0 %\s+2\.50 %\s+1\.2$/);
    assert.equal(lines.at(-1), 'Report: /reports/shift.html');
  });

  it('says that images look like negatives, and what to do', async () => {
    const negative = { known: 0.98, seen: 0.03 };
    const shift = () =>
      Promise.resolve({ summary: shiftOf({ negative }), shift: ref('shift/1', 'c'), dataset: ref('dataset/1', 'd') });
    const { out } = await labelloop('shift shells-1a2b3c4d beach-2', rooms([], { client: { shift } }));
    assert.match(
      out,
      /looks like a negative of .*: 97 % of it is dark where these are bright \(of these 2 %\)\. Imported anew with '--invert'/,
    );
  });

  it('prints the summary as one document, and copies the report where it is told to', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'labelloop-'));
    const written = path.join(folder, 'written.html');
    await writeFile(written, 'the report');
    const writeShiftReport = () => Promise.resolve({ path: written, classes: [] });
    const out = path.join(folder, 'out.html');
    const answer = await labelloop(`shift a b --json --out ${out}`, rooms([], { writeShiftReport }));
    assert.deepEqual(JSON.parse(answer.out), { run: 'a', dataset: 'b', ...shiftOf(), report: out });
    assert.equal(await readFile(out, 'utf8'), 'the report');
    await rm(folder, { recursive: true });
  });

  it('passes on why a model can not look at the images', async () => {
    const shift = () => Promise.reject(problem('SETTINGS_INVALID', "import it again with '--like shells'."));
    const { exitCode, err } = await labelloop('shift a b', rooms([], { client: { shift } }));
    assert.equal(exitCode, 2);
    assert.match(err, /--like shells/);
  });
});

describe('an ended run', () => {
  const level = 0.05;
  const test = { of: 'pixels' as const, level, known: 200, seen: 2000 };

  it('says when its pool is unlike the calibration images', () => {
    const differing = gradeLines(view({ shift: shiftOf({ tests: [{ ...test, p: 0.002 }] }) })).join('\n');
    assert.match(differing, /The pool and the calibration images are not alike: .*pixels p = 0\.002 \(at 5 %/);
    assert.match(differing, /labelloop report shells-1a2b3c4d/);
  });

  it('does not send a pool of negatives through an import that would turn its labelled images, too', () => {
    const negative = { known: 0.98, seen: 0.03 };
    const words = gradeLines(view({ shift: shiftOf({ negative }) })).join('\n');
    assert.match(words, /The pool looks like a negative of .*'--invert' turns a whole import/);
    assert.doesNotMatch(words, /Imported anew/);
  });

  it('does not speak of it otherwise', () => {
    const alike = gradeLines(view({ shift: shiftOf({ tests: [{ ...test, p: 0.4 }], differs: false }) }));
    assert.deepEqual(alike, gradeLines(view()));
  });
});
