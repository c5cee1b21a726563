import assert from 'node:assert/strict';
import type { ShiftFile } from '../../src/contracts/shift.js';
import { renderReport } from '../../src/report/report.js';
import { renderShift } from '../../src/report/shift.js';
import { figures, finishedRun } from './fixtures.js';

const file: ShiftFile = {
  format: 'labelloop.shift/1',
  summary: {
    tests: [{ of: 'pixels', p: 0.001, level: 0.05, known: 200, seen: 2000 }],
    differs: true,
    outside: 7,
    expectedOutside: 2.5,
    moved: [{ cluster: 3, label: 1, knownShare: 0.1, seenShare: 0.02, moved: 1.5 }],
  },
  outside: [],
  labels: [0, 1],
  picture: [
    { x: 0, y: 0, label: 0, known: true },
    { x: 2, y: 1, label: 1, known: false },
  ],
};

describe('report of a comparison', () => {
  const pictures = [{ png: new Uint8Array([1]), nearest: 'cow<rie', distance: 0.5 }];
  const page = renderShift({ run: 'shells-1', dataset: 'beach', file, classes: ['whelk', 'cow<rie'], pictures });

  it('says the answer, the clusters that moved, and shows what lies outside', () => {
    assert.match(page, /are not alike/);
    assert.match(page, /cow&lt;rie/);
    assert.ok(!page.includes('cow<rie'), 'what users named is escaped');
    assert.match(page, /data:image\/png;base64,AQ==/);
    assert.match(page, /The 1 farthest of 7/);
  });

  it('shows both sides in one scale, the other one in grey', () => {
    assert.equal(page.match(/<path/g)?.length, 4);
    assert.equal(page.match(/M8\.0 8\.0h0/g)?.length, 2);
    assert.equal(page.match(/M332\.0 170\.0h0/g)?.length, 2);
  });

  it('is part of the report of a run that was compared, and of no other', () => {
    const compared = renderReport(finishedRun({ shift: file.summary }), figures({ latents: file.picture }));
    assert.match(compared, /Labelled images and pool[\s\S]*The pool and the calibration images are not alike/);
    assert.ok(!renderReport(finishedRun(), figures()).includes('Labelled images and pool'));
  });
});
