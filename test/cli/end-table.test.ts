import assert from 'node:assert/strict';
import { resultLines, roundTable, runLines } from '../../src/cli/end-table.js';
import { certificateNow, round, truth, view, conditional } from './fixtures.js';

const dryRun = view({
  dryRun: true,
  rounds: [
    round({ truth: truth(0.01) }),
    round({
      round: 2,
      accepted: 9500,
      added: 250,
      flipped: 12,
      revoked: 62,
      open: 400,
      truth: truth(0.015),
      fromStore: ['train'],
    }),
  ],
});

describe('the table at the end of a run', () => {
  it('has a row a round with label error, interval and kappa where the truth is known', () => {
    assert.deepEqual(roundTable(dryRun), [
      'round  accepted  added  flipped  revoked  for people  label error          kappa  test accuracy  seconds  from store',
      '    1     9,312  9,312        0        0         688  1.00 % [0.90, 1.10]  0.982         98.1 %     61.2           -',
      '    2     9,500    250       12       62         500  1.50 % [1.35, 1.65]  0.982         98.1 %     61.2     1 stage',
    ]);
  });

  it('calls the estimate an estimate where the truth is not known', () => {
    const [head, row] = roundTable(view());
    assert.match(head ?? '', /estimate \(upper\)/);
    assert.doesNotMatch(head ?? '', /label error|kappa/);
    assert.match(row ?? '', /1\.20 % \(2\.90 %\)/);
  });

  it('shows what is not known as a dash', () => {
    const [, row] = roundTable(view({ rounds: [round({ truth: truth(null), testAccuracy: null })] }));
    assert.match(row ?? '', /688 {2}- +- +- /);
  });

  it("turns on its side on a narrow terminal, where the demo's three rounds fit", () => {
    const lines = roundTable({ ...dryRun, rounds: [...dryRun.rounds, round({ round: 3, truth: truth(0.02) })] }, 80);
    assert.match(lines[0] ?? '', /^round +1 +2 +3$/);
    for (const line of lines) assert.ok(line.length <= 80, line);
  });
});

describe('the last screen of a run', () => {
  const text = resultLines({ ...dryRun, report: '/r/report.html' }).join('\n');

  it('says that the truth was hidden and read for the comparison alone in a dry run', () => {
    assert.match(text, /Dry run: the pool's true labels were hidden at import and used for this comparison alone\./);
    assert.doesNotMatch(resultLines(view()).join('\n'), /Dry run/);
  });

  it('says before the comparison that the truth is still hidden', () => {
    const early = resultLines(view({ dryRun: true, status: 'running' })).join('\n');
    assert.match(early, /true labels are hidden; the closing comparison alone will read them/);
  });

  it('counts every human label, and names labels, model, report and the command that exports', () => {
    assert.match(text, /500 labels: 300 for training, 200 for calibration, 0 for audit/);
    assert.match(text, new RegExp(`SHA-256 ${'a'.repeat(64)}`));
    assert.match(text, new RegExp(`object sha256/bb/${'b'.repeat(64)}`));
    assert.match(text, /labelloop labels export shells-1a2b3c4d --out shells-1a2b3c4d\.parquet/);
    assert.match(text, /\/r\/report\.html/);
  });

  it('says what the estimate is worth', () => {
    assert.match(text, /Estimate \(grade C\): label error 1\.20 %, upper limit 2\.90 %/);
    assert.match(text, /promises nothing/);
  });

  it('states the conditional estimate and what it rests on, or why there is none', () => {
    const text = resultLines(view({ conditional: conditional() })).join('\n');
    assert.match(
      text,
      /Conditional estimate \(grade B\): at most 180 of 9,000 labels are wrong \(2 %\), 97\.5 % confidence, if/,
    );
    assert.match(text, /Of 420 held-back calibration images .* 2 were wrong; .* p = 0\.41\); .* 5 cross-fitted folds/);
    const none = (refused: 'two-sample' | 'calibration') =>
      resultLines(view({ conditional: conditional({ grade: 'C', refused, claim: null }) })).join('\n');
    assert.match(none('two-sample'), /No conditional estimate \(grade B\): calibration images and pool differ/);
    assert.match(
      none('calibration'),
      /no cut-off passed the test for 2 % with 500 held-back calibration images; without one wrong it takes about 183\./,
    );
    assert.match(none('calibration'), /an estimate \(grade C\) alone/);
  });

  it('makes up no estimate where nothing was accepted, and says what helps', () => {
    const estimate = { grade: 'C' as const, error: 0.5, upper: 1, coverage: 0 };
    const text = resultLines(view({ rounds: [round({ accepted: 0, added: 0, estimate })] })).join('\n');
    assert.doesNotMatch(text, /50\.0 %|100\.0 %|grade [BC]/);
    assert.match(
      text,
      /accepts nothing: no calibration result met the target error\.\nAt best, 200 calibration labels can show 0\.25 %\.\nMore labels/,
    );
  });

  it('says that nothing is known of labels by the cut-off of another run', () => {
    const estimate = { grade: 'C' as const, error: 0.5, upper: 1, coverage: 0 };
    const text = resultLines(view({ rounds: [round({ estimate, calibrationError: null })] })).join('\n');
    assert.match(text, /Nothing is known of the label error here/);
    assert.match(text, /labelloop audit start shells-1a2b3c4d --error 2%/);
    assert.doesNotMatch(text, /accepts nothing|Probabilities/);
  });

  it('names the stages that came from the store, rounds with the same ones together', () => {
    const rounds = [1, 2, 3].map((n) => round({ round: n, fromStore: n < 3 ? ['train', 'sample'] : [] }));
    assert.match(
      resultLines(view({ rounds })).join('\n'),
      /From the store, not computed again, in round 1, 2: train, sample\./,
    );
  });

  it('shows every certificate of its labels, a line each', () => {
    const { certificate } = certificateNow();
    const earlier = { ...certificate, audit: 1, statement: 'At most 20 of these 900 whelks are wrong.' };
    const lines = resultLines(view({ certificate, earlierCertificates: [earlier] }));
    assert.ok(lines.includes(`Certificate (grade A): ${certificate.statement}`));
    assert.ok(lines.includes('Certificate of audit 1: At most 20 of these 900 whelks are wrong.'));
  });
});

describe('a run as run show prints it', () => {
  it('names the code and message of a failure', () => {
    const error = { code: 'TRAINING_DIVERGED', message: 'the loss is NaN at step 12. Lower the rate.' };
    const text = runLines(view({ status: 'failed', error, rounds: [], labelsDigest: null, model: null })).join('\n');
    assert.match(text, /failed: TRAINING_DIVERGED: the loss is NaN at step 12\. Lower the rate\./);
    assert.doesNotMatch(text, /labels export|Model/);
  });
});
