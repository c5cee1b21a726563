import assert from 'node:assert/strict';
import { auditSettings } from '../../src/contracts/audit.js';
import { ACCEPT_EVERYTHING } from '../../src/contracts/scores.js';
import { renderReport } from '../../src/report/report.js';
import { auditState, certificateNow, conditional } from '../cli/fixtures.js';
import { figures, finishedRun, cutoff } from './fixtures.js';

/** Elements that close themselves; everything else must be closed in order. */
const VOID = new Set(['meta', 'img', 'br']);

function assertBalanced(page: string): void {
  const open: string[] = [];
  const body = page.replace(/<style>[^]*?<\/style>/g, '').replace(/<!doctype html>/, '');
  for (const [tag, slash, name, rest] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)\b([^>]*)>/gi)) {
    if (slash) assert.equal(open.pop(), name, `${tag} closes another element`);
    else if (!VOID.has(name!) && !rest?.endsWith('/')) open.push(name!);
  }
  assert.deepEqual(open, []);
}

/** The page's text, without tags, white space made one. */
const textOf = (page: string): string =>
  page
    .replace(/<style>[^]*?<\/style>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

const picture = (label: string, truth?: string) => ({
  png: Uint8Array.of(137, 80, 78, 71),
  label,
  note: 'H 0.01',
  ...(truth === undefined ? {} : { truth }),
});

describe('report', () => {
  it('has every section of a finished dry run, in a page that is well formed', () => {
    const pictures = [{ title: 'Wrong labels', caption: 'Most certain first.', items: [picture('4', '9')] }];
    const page = renderReport(finishedRun(), figures({ pictures }));
    assertBalanced(page);
    const titles = [...page.matchAll(/<h[123]>([^<]*)<\/h[123]>/g)].map(([, title]) => title);
    assert.deepEqual(titles, [
      'mnist-500',
      'Round by round',
      'Charts',
      'Coverage by round',
      'Label error by round',
      'Predictive entropy of the pool',
      'Reliability of the probabilities',
      'Labels by class',
      'Confusion matrix',
      'Look at these',
      'Labels to check',
      'Images',
      'Wrong labels',
      'Labels that people gave',
      'Where the results are',
      'Settings',
    ]);
    assert.match(page, /src="data:image\/png;base64,iVBORw=="/);
    assert.equal(page.match(/<svg /g)?.length, 6);
    assert.equal(page.match(/role="img" aria-label="[^"]{20,}"/g)?.length, 6, 'each chart is described');
  });

  it('shows the certificate in its own words, and that hidden labels answered for people', () => {
    const settings = auditSettings.parse({ epsilon: 0.02, answers: 'truth' });
    const { certificate } = certificateNow();
    const audit = { ...auditState(), settings };
    const whelks = { ...certificate, audit: 1, statement: 'At most 20 of these 900 whelks are wrong.' };
    const page = renderReport({ ...finishedRun(), certificate, earlierCertificates: [whelks], audit }, figures());
    assert.match(page, /class="statement certificate">Of audit 1: At most 20 of these 900 whelks are wrong\./);
    assertBalanced(page);
    const text = textOf(page);
    assert.match(text, /Certificate, grade.A At most 186 of these 9,312 machine labels/);
    assert.match(page, /class="lead statement certificate"/);
    assert.match(text, /they answered the audit for people, and are used for the closing comparison/);
  });

  it('says in sentences what came out, and that it was a dry run', () => {
    const text = textOf(renderReport(finishedRun(), figures()));
    assert.match(text, /9,412 of 10,000 pool images labelled \(94\.1 %\); 520 are left for people/);
    assert.match(text, /0\.98 % of these labels are wrong \(95 % interval 0\.79 % to 1\.20 %\)/);
    assert.match(text, /Dry run: the true labels were known and hidden; used only for the closing comparison/);
    assert.match(text, /completed/);
    assert.match(text, /From the store .* split, train/);
    assert.ok(text.includes(`sha256/dd/${'d'.repeat(64)}`) && text.includes(`sha256/cc/${'c'.repeat(64)}`));
  });

  it('counts what was kept, flipped and revoked, round by round and in all', () => {
    const page = renderReport(finishedRun(), figures());
    const cells = [...page.matchAll(/<tr>([^]*?)<\/tr>/g)].map(([, row]) =>
      [...(row as string).matchAll(/<t[dh][^>]*>([^<]*)/g)].map(([, cell]) => (cell as string).trim()),
    );
    const [titles, ...rows] = cells as [string[], ...string[][]];
    const columns = ['Added', 'Kept', 'Flipped', 'Revoked'].map((title) => titles.indexOf(title));
    assert.deepEqual(
      rows.slice(0, 3).map((row) => columns.map((column) => row[column])),
      [
        ['8,713', '0', '0', '0'],
        ['616', '8,652', '20', '41'],
        ['187', '9,205', '20', '63'],
      ],
    );
    // 8,652 + 20 + 41 + 9,205 + 20 + 63 decisions; 144 of them changed a label.
    assert.match(textOf(page), /decided 18,001 times: 40 were flipped and 104 revoked \(0\.80 %\)/);
  });

  it('shows what people should look at again, and says where there is nothing', () => {
    const suspects = [{ png: Uint8Array.of(137), label: '<4>', note: 'model 9 98.0 %, group 9 91.0 %' }];
    const page = renderReport(finishedRun(), figures({ suspects }));
    assertBalanced(page);
    const text = textOf(page);
    assert.match(text, /2 of 30 groups of the pool have no label of their own/);
    assert.match(text, /12 images of the pool look like another one; labelloop labels duplicates mnist-500/);
    assert.match(text, /3 labels that people gave are denied .* &lt;4&gt; model 9 98\.0 %, group 9 91\.0 %/);

    const quiet = finishedRun();
    const [last] = quiet.rounds.splice(2, 1);
    const none = { clusters: 30, mixed: 0, outliers: 0, duplicates: 0, suspects: 0 };
    const nothing = (clustering: typeof none | null) =>
      textOf(renderReport({ ...quiet, rounds: [...quiet.rounds, { ...last!, clustering }] }, figures()));
    assert.match(nothing(none), /No images of the pool look alike\. No label that people gave is denied/);
    assert.doesNotMatch(nothing(null), /Look at these/, 'a run of a release before');
  });

  it('prints a command to export that works as it stands', () => {
    assert.match(
      textOf(renderReport(finishedRun(), figures())),
      /labelloop labels export mnist-500 --out mnist-500\.parquet/,
    );
  });

  it('draws no target for a run whose rule aims at none', () => {
    const settings = { ...figures().settings, threshold: 'iqr' as const };
    assert.match(textOf(renderReport(finishedRun(), figures())), /target 2/);
    assert.doesNotMatch(textOf(renderReport(finishedRun(), figures({ settings }))), /target 2/);
  });

  it('shows the calibration error before and after, and nothing after where nothing was scaled', () => {
    const text = textOf(renderReport(finishedRun(), figures()));
    assert.match(text, /as sampled, ECE 4\.12 %/);
    assert.match(text, /temperature scaling, ECE 1\.87 %/);
    const { scaling } = cutoff();
    const plain = cutoff({ scaling: { ...scaling, method: 'none' } });
    assert.doesNotMatch(textOf(renderReport(finishedRun(), figures({ cutoff: plain }))), /scaling, ECE/);
  });

  it('shows cut-offs that differ by class, each in its own words', () => {
    const values = [0.33, 0.2, -1, ACCEPT_EVERYTHING, 0.33, 0.33, 0.33, 0.33, 0.33, 0.33];
    const page = renderReport(finishedRun(), figures({ cutoff: cutoff({ values, classwise: true }) }));
    assertBalanced(page);
    assert.match(page, /Cut-off by predicted class\. 0: 0\.330, 1: 0\.200, 2: accepts nothing, 3: accepts everything/);
    assert.doesNotMatch(page, /NaN|e\+38/);
    assert.doesNotMatch(renderReport(finishedRun(), figures()), /Cut-off by predicted class/);
  });

  it('counts validation labels in the budget where there are any', () => {
    const budget = { train: 240, validation: 60, calibration: 200, audit: 0 };
    assert.match(textOf(renderReport(finishedRun({ budget }), figures())), /Validation 60 .* All 500/);
    assert.doesNotMatch(textOf(renderReport(finishedRun(), figures())), /Validation/);
  });

  it('does not call no label at all a faultless result', () => {
    const text = textOf(
      renderReport(finishedRun(), figures({ confusion: Array.from({ length: 10 }, () => Array<number>(10).fill(0)) })),
    );
    assert.doesNotMatch(text, /No label is wrong/);
    assert.match(text, /There is no label to compare/);
  });

  it('claims nothing about the truth in the field, and calls the estimate an estimate', () => {
    const rounds = finishedRun().rounds.map((round) => ({ ...round, truth: null }));
    const page = renderReport(finishedRun({ dryRun: false, rounds, truth: null }), figures({ confusion: null }));
    const text = textOf(page);
    assertBalanced(page);
    assert.doesNotMatch(text, /Dry run|hidden truth|Kappa|Confusion/);
    assert.match(text, /About 1\.85 % of them may be wrong: an estimate, which promises nothing/);
  });

  it('states the conditional estimate, or why there is none, in the colour of its grade', () => {
    const stated = renderReport(finishedRun({ conditional: conditional() }), figures({}));
    assertBalanced(stated);
    assert.match(stated, /class="statement conditional"/);
    assert.match(
      textOf(stated),
      /\(grade B\): at most 180 of 9,000 labels are wrong .*, if the calibration images are a fair/,
    );
    const refused = renderReport(
      finishedRun({ conditional: conditional({ grade: 'C', refused: 'two-sample', claim: null }) }),
      figures({}),
    );
    assert.match(refused, /class="statement estimate"/);
    assert.match(textOf(refused), /No conditional estimate \(grade B\): calibration images and pool differ/);
    assert.doesNotMatch(textOf(renderReport(finishedRun(), figures({}))), /onditional/);
  });

  it('shows a run whose first round has not ended, and why a run failed', () => {
    const nothing = figures({ classCounts: null, histogram: null, confusion: null, cutoff: null });
    const error = { code: 'TRAINING_DIVERGED', message: 'loss became <NaN>' };
    const page = renderReport(finishedRun({ rounds: [], truth: null, labels: null, status: 'failed', error }), nothing);
    assertBalanced(page);
    assert.match(textOf(page), /No round has ended yet/);
    assert.match(page, /<strong>TRAINING_DIVERGED<\/strong>: loss became &lt;NaN&gt;/);
  });

  it('shows a cut-off that accepted nothing', () => {
    const rounds = finishedRun().rounds.map((round) => ({
      ...round,
      accepted: 0,
      estimate: { grade: 'C' as const, error: 0.5, upper: 1, coverage: 0 },
      truth: {
        coverage: 0,
        labelError: null,
        labelErrorInterval: null,
        kappa: null,
        testAccuracy: null,
        aurc: null,
        coverageAt: [],
      },
    }));
    const { edges, counts } = figures().histogram!;
    const page = renderReport(finishedRun({ rounds }), figures({ histogram: { edges, counts, cutoff: -1 } }));
    assertBalanced(page);
    assert.match(textOf(page), /The cut-off accepts nothing/);
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
  });

  it('says that nothing is known of labels by the cut-off of another run', () => {
    const estimate = { grade: 'C' as const, error: 0.5, upper: 1, coverage: 0 };
    const rounds = finishedRun().rounds.map((each) => ({ ...each, estimate, calibrationError: null, truth: null }));
    const page = renderReport(finishedRun({ rounds, truth: null }), figures());
    assertBalanced(page);
    assert.match(textOf(page), /Nothing is known of the label error here/);
    assert.doesNotMatch(textOf(page), /Reliability of the probabilities|no calibration result met/);
  });

  it('escapes everything that a user named', () => {
    const evil = `<script>alert("1")</script>'&`;
    const pictures = [{ title: evil, caption: evil, items: [{ ...picture(evil, 'x'), note: evil }] }];
    const classes = ['x', evil];
    const page = renderReport(
      finishedRun({ run: evil, dataset: evil, error: { code: 'INTERNAL', message: evil } }),
      figures({
        pictures,
        classes,
        classCounts: [1, 2],
        confusion: [
          [1, 1],
          [0, 1],
        ],
        settings: { ...figures().settings, salt: evil },
      }),
    );
    assertBalanced(page);
    assert.doesNotMatch(page, /<script|alert\("/);
    assert.match(page, /&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&#39;&amp;/);
  });

  it('needs no network and no script', () => {
    const page = renderReport(
      finishedRun(),
      figures({ pictures: [{ title: 'a', caption: 'b', items: [picture('1')] }] }),
    );
    assert.doesNotMatch(page, /https?:|\/\/[a-z]|<script|<link|@import|url\(/i);
    assert.match(page, /Content-Security-Policy"\s+content="default-src 'none'/);
  });

  it('is the same page for the same run', () => {
    assert.equal(renderReport(finishedRun(), figures()), renderReport(finishedRun(), figures()));
  });

  it('stays small with a thousand classes and a hundred rounds', () => {
    const classes = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
    const confusion = classes.map((_, i) => classes.map((__, j) => (i === j ? 9 : i === j + 1 ? 1 : 0)));
    const [round] = finishedRun().rounds;
    const rounds = Array.from({ length: 100 }, (_, i) => ({ ...round!, round: i + 1 }));
    const page = renderReport(
      finishedRun({ rounds }),
      figures({ classes, confusion, classCounts: classes.map(() => 10) }),
    );
    assertBalanced(page);
    assert.ok(page.length < 300_000, `${page.length} characters`);
    assert.match(textOf(page), /class 1 labelled class 0 \(1\)/);
  });
});
