import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { runCommandLine } from '../../src/cli/program.js';
import { auditSettings } from '../../src/contracts/audit.js';
import { problem } from '../../src/contracts/errors.js';
import * as answerFiles from '../../src/datasets/answers/index.js';
import type { Services } from '../../src/cli/services.js';
import type { Terminal } from '../../src/cli/terminal.js';
import type { AuditState, Question } from '../../src/contracts/audit.js';
import type { CertificateNow } from '../../src/client/index.js';
import type { QuestionsState } from '../../src/contracts/questions.js';
import type { DatasetManifest } from '../../src/contracts/dataset.js';
import type { Explanation } from '../../src/contracts/explanation.js';
import type { Ref } from '../../src/contracts/references.js';
import type { Conditional } from '../../src/contracts/grades.js';
import type { NearDuplicate, Suspect } from '../../src/contracts/look.js';
import type { NovelView } from '../../src/contracts/novel.js';
import type { RunProgress, RunView } from '../../src/contracts/run.js';
import type { ShiftSummary } from '../../src/contracts/shift.js';
import type { TruthRecord } from '../../src/contracts/stages.js';
import type { LabelRow } from '../../src/contracts/tables.js';

export const ref = (kind: Ref['kind'], digit: string): Ref => ({ kind, sha256: digit.repeat(64), bytes: 10 });

export const truth = (labelError: number | null): TruthRecord => ({
  coverage: 0.95,
  labelError,
  labelErrorInterval: labelError === null ? null : { lower: labelError * 0.9, upper: labelError * 1.1 },
  kappa: labelError === null ? null : 0.982,
  testAccuracy: 0.981,
  aurc: 0.0014,
  coverageAt: [],
});

export const round = (changes: Partial<RunView['rounds'][number]> = {}): RunView['rounds'][number] => ({
  round: 1,
  accepted: 9312,
  added: 9312,
  kept: 0,
  flipped: 0,
  revoked: 0,
  open: 588,
  outliers: 100,
  seconds: 61.24,
  modelDigest: 'b'.repeat(64),
  testAccuracy: 0.981,
  estimate: { grade: 'C' as const, error: 0.012, upper: 0.029, coverage: 0.91 },
  fromStore: [],
  stopped: null,
  calibrationError: { before: 0.031, after: 0.012 },
  clustering: { clusters: 30, mixed: 2, outliers: 68, duplicates: 12, suspects: 3 },
  passes: 30,
  truth: null,
  ...changes,
});

export const conditional = (changes: Partial<Conditional> = {}): Conditional => ({
  ...{ grade: 'B', refused: null, claim: { size: 9000, most: 180, cutoff: 0.4 }, epsilon: 0.02 },
  ...{ release: 1, alpha: 0.025, totalAlpha: 0.05, folds: 5 },
  calibration: { images: 500, accepted: 420, errors: 2 },
  twoSample: { p: 0.41, level: 0.05, calibration: 500, pool: 2000 },
  ...changes,
});

export const view = (changes: Partial<RunView> = {}): RunView => ({
  run: 'shells-1a2b3c4d',
  status: 'completed',
  error: null,
  dataset: 'shells',
  dryRun: false,
  round: 1,
  stage: null,
  budget: { train: 300, validation: 0, calibration: 200, audit: 0 },
  pool: { total: 10_000, labelled: 9312, open: 588, outliers: 100 },
  rounds: [round()],
  audit: null,
  certificate: null,
  labelsDigest: 'a'.repeat(64),
  labels: ref('labels/1', 'a'),
  model: ref('model/1', 'b'),
  truth: null,
  conditional: null,
  shift: null,
  report: null,
  startedAt: '2026-01-02T03:04:05.000Z',
  endedAt: '2026-01-02T03:08:05.000Z',
  ...changes,
});

export const progress = (changes: Partial<RunProgress> = {}): RunProgress => ({
  run: 'shells-1a2b3c4d',
  status: 'running',
  round: 2,
  rounds: 3,
  stage: 'train',
  shards: { done: 0, total: 3 },
  pool: { total: 10_000, labelled: 9312, open: 588, outliers: 100 },
  tasks: [
    { stage: 'train', done: 600, total: 1200, imagesPerSecond: 5400, loss: 0.2134, attempt: 1, lastFailure: null },
  ],
  secondsLeft: 130,
  waitsFor: null,
  error: null,
  ...changes,
});

export const manifest = (changes: Partial<DatasetManifest> = {}): DatasetManifest => ({
  format: 'labelloop.dataset/1',
  name: 'shells',
  classes: ['cowrie', 'whelk'],
  image: { height: 32, width: 32, channels: 3 },
  shards: { labelled: [], pool: [], test: [] },
  counts: { labelled: 500, pool: 10_000, test: 0 },
  labels: ref('answers/1', 'c'),
  testLabels: null,
  truth: null,
  dryRun: false,
  source: { kind: 'folder', path: './shells' },
  notes: { duplicates: 0, testOverlap: 0, skipped: 0, examples: [] },
  ...changes,
});

export const labelRow = (id: string): LabelRow => ({
  id,
  name: `${id}.png`,
  status: 'accepted',
  change: 'accept',
  label: 1,
  class: 'whelk',
  predicted: 1,
  probability: 0.99,
  predictive_entropy: 0.02,
  aleatoric: 0.015,
  total_uncertainty: 0.2,
  epistemic: 0.005,
  cluster: 0,
  source: 'model',
  round: 1,
  model: 'b'.repeat(64),
  threshold: 0.3,
  certificate: '',
});

export const explanation = (changes: Partial<Explanation> = {}): Explanation => ({
  run: 'shells-1a2b3c4d',
  dataset: 'shells',
  id: '0a',
  name: 'beach/0a.png',
  position: 0,
  status: 'accepted',
  label: 'whelk',
  source: 'model',
  certificate: '',
  statement: null,
  rounds: [
    {
      round: 1,
      decision: 'accept',
      status: 'accepted',
      label: 'whelk',
      source: 'model',
      predicted: 'whelk',
      probability: 0.99,
      uncertainty: { predictiveEntropy: 0.02, aleatoric: 0.015, epistemic: 0.005, total: 0.2 },
      classes: [
        { class: 'whelk', probability: 0.98 },
        { class: 'cowrie', probability: 0.02 },
      ],
      passes: 20,
      score: { name: 'predictive-entropy', value: 0.02 },
      threshold: 0.3,
      cluster: 0,
      model: 'b'.repeat(64),
      given: { round: 1, model: 'b'.repeat(64) },
      certificate: '',
    },
  ],
  answers: [],
  ...changes,
});

/** Two images that people are asked about. */
export const questions = (): Question[] => [
  { id: '0a', name: 'beach/0a.png', shard: 0, index: 0, again: false },
  { id: '0b', name: 'beach/0 b.png', shard: 0, index: 1, again: true },
];

export const auditState = (changes: Partial<AuditState> = {}): AuditState => ({
  run: 'shells-1a2b3c4d',
  audit: 1,
  phase: 'audit',
  refs: null,
  settings: auditSettings.parse({ epsilon: 0.02 }),
  seen: 40,
  judgement: {
    cuts: [{ size: 9312, audited: 40, wrong: 1, evidence: null, status: 'open', certifiedAt: null }],
    certified: null,
    outcome: 'open',
    answers: { repair: 0, audit: 40, left: 360 },
  },
  outlook: { instrument: 'looks', repair: 0, size: 9312, expected: 201.4, percentile90: 320, success: 0.93 },
  words: 'waits for 37 answers.',
  ...changes,
});

export const questionsState = (changes: Partial<QuestionsState> = {}): QuestionsState => ({
  ...{ run: 'shells-1a2b3c4d', number: 1, phase: 'questions', seen: 12, answered: 12, left: 488, budget: 5000 },
  ...{ answers: 'people', refs: { questions: null, log: null, labels: null }, words: '488 images wait for answers.' },
  ...changes,
});
export const suspects = (): Suspect[] => [
  {
    ...{ id: '0c', name: 'beach/0c.png', label: 'cowrie', predicted: 'whelk', probability: 0.987, cluster: 4 },
    ...{ clusterLabel: 'whelk', clusterProbability: 0.912 },
  },
];

export const duplicates = (): NearDuplicate[] => [
  { group: 0, id: '0a', name: 'beach/0a.png', distance: 0.01 },
  { group: 0, id: '0b', name: 'beach/0b, again.png', distance: 0.01 },
];

export const certificateNow = (changes: Partial<CertificateNow> = {}): CertificateNow => ({
  certificate: {
    format: 'labelloop.certificate/1',
    grade: 'A',
    id: 'shells-1a2b3c4d.audit-1',
    statement: 'At most 186 of these 9,312 machine labels differ from what the panel would say, with 95 % confidence.',
    run: 'shells-1a2b3c4d',
    dataset: 'shells',
    audit: 1,
    root: 'd'.repeat(64),
    digests: { protocol: 'e'.repeat(64), seed: 'f'.repeat(64), audit: '1'.repeat(64), ledger: '2'.repeat(64) },
    epsilon: 0.02,
    alpha: 0.05,
    totalAlpha: 0.05,
    claim: { size: 9312, most: 186 },
    corrected: 2,
    human: 0,
    panel: { answersFrom: 'people', people: 2, agreement: 0.97, doubled: 15 },
    issuedAt: '2026-01-09T10:00:00.000Z',
    software: 'labelloop 0.2.0',
  },
  changes: { changed: 0, added: 0, revoked: 0 },
  holds: { size: 9312, most: 184 },
  ...changes,
});

/** New images that differ in one cluster; `changes` go over it. */
export const shiftOf = (changes: Partial<ShiftSummary> = {}): ShiftSummary => ({
  tests: [
    { of: 'pixels', p: 0.001, level: 0.025, known: 200, seen: 2000 },
    { of: 'latents', p: 0.21, level: 0.025, known: 200, seen: 2000 },
  ],
  differs: true,
  outside: 57,
  expectedOutside: 12.4378,
  moved: [{ cluster: 3, label: 1, knownShare: 0.1, seenShare: 0.025, moved: 1.25 }],
  ...changes,
});

export const novelView = (changes: Partial<NovelView> = {}): NovelView => ({
  ...{ run: 'shells-1a2b3c4d', dataset: 'shells', round: 2, clusters: 24, known: 500, reach: 0.45 },
  candidates: [
    {
      ...{ cluster: 7, size: 1310, spread: 0.43, far: 0.9, distance: 0.58, open: 1200 },
      images: [
        { id: '0a1b2c3d4e', name: 'beach/0a.png', position: 0, distance: 0.1 },
        { id: '1b2c3d4e5f', name: 'beach/<1b>.png', position: 9, distance: 0.2 },
      ],
    },
    { ...{ cluster: 11, size: 40, spread: 0.5, far: 0.61, distance: 0.5, open: 3 }, images: [] },
  ],
  ...changes,
});

/** What a verb did to the other rooms, in order: `start {"dataset":…}`. */
export type Log = string[];

type Parts = { [Room in 'client' | 'local' | 'datasets']?: Partial<Awaited<ReturnType<Services[Room]>>> } & Partial<
  Pick<
    Services,
    | 'answerFiles'
    | 'exportLabels'
    | 'exportFolder'
    | 'runWorker'
    | 'verifyBundle'
    | 'review'
    | 'writeReport'
    | 'writeShiftReport'
    | 'writeNovelPage'
    | 'nameClusters'
  >
> & { demo?: Partial<Services['demo']> };

/** Rooms that answer by hand and write down what they were asked; a test changes the parts it is about. */
export function rooms(log: Log = [], parts: Parts = {}): Services {
  const said = <T>(what: string, answer: T): Promise<T> => {
    log.push(what);
    return Promise.resolve(answer);
  };
  const stack = { processes: [{ name: 'temporal', pid: 12, healthy: true, restarts: 0, since: null, log: '/t.log' }] };
  async function* watch(): AsyncIterable<RunProgress> {
    yield await Promise.resolve(progress());
  }
  async function* labels(): AsyncIterable<LabelRow> {
    yield await Promise.resolve(labelRow('0a'));
    yield labelRow('0b');
  }
  return {
    client: () =>
      Promise.resolve({
        start: (settings, options) => {
          const run = options?.run ?? 'shells-1a2b3c4d';
          return said(`start ${JSON.stringify(settings)}`, { run });
        },
        shift: (run, dataset, options) => {
          options?.onProgress?.({ stage: 'sample', shards: { done: 1, total: 2 } });
          return said(`shift ${run} ${dataset} ${options?.seed ?? 'no seed'}`, {
            ...{ summary: shiftOf(), shift: ref('shift/1', 'c'), dataset: ref('dataset/1', 'd') },
          });
        },
        show: (run) =>
          run === 'nobody'
            ? Promise.reject(problem('RUN_UNKNOWN', `no run '${run}'. 'labelloop run list' shows the runs.`))
            : said(`show ${run}`, view({ run })),
        settings: () => Promise.resolve(null),
        list: () => said('list', []),
        progress: (run) => said(`progress ${run}`, progress({ run, status: 'paused' })),
        watch,
        pause: (run) => said(`pause ${run}`, undefined),
        resume: (run) => said(`resume ${run}`, undefined),
        cancel: (run) => said(`cancel ${run}`, undefined),
        result: () => Promise.reject(new Error('not asked for')),
        labels,
        suspects: (run) => said(`suspects ${run}`, suspects()),
        duplicates: (run) => said(`duplicates ${run}`, duplicates()),
        dataset: () => Promise.resolve(manifest()),
        audit: (run) => said(`audit ${run}`, auditState({ run })),
        questions: (run, { by, limit }) => said(`questions ${run} ${by} ${limit}`, questions().slice(0, limit)),
        ask: (run) => Promise.resolve(auditState({ run })),
        asking: (run) => Promise.resolve(auditState({ run })),
        answer: (run, answers, options) => {
          const state = auditState({ run });
          options?.onTaken?.(answers.length, state);
          return said(`answer ${run} ${JSON.stringify(answers)}`, state);
        },
        startQuestions: (run, options) => said(`ask ${run} ${JSON.stringify(options)}`, questionsState({ run })),
        stopQuestions: (run) => said(`stop asking ${run}`, questionsState({ run, phase: 'done' })),
        answers: () => Promise.resolve([]),
        explain: (run, image) => said(`explain ${run} ${image}`, explanation({ run })),
        startAudit: (run, settings) => said(`start audit ${run} ${JSON.stringify(settings)}`, auditState({ run })),
        nonce: (run, value) => said(`nonce ${run} ${value}`, auditState({ run })),
        stopAudit: (run) => said(`stop audit ${run}`, auditState({ run })),
        certificate: (run) => said(`certificate ${run}`, certificateNow()),
        exportCertificate: (run, dir) => said(`export certificate ${run} ${dir}`, ['certificate.json', 'verify.mjs']),
        close: () => said('close', undefined),
        ...parts.client,
      }),
    local: () =>
      Promise.resolve({
        up: ({ onLine }) => {
          onLine('Starting Temporal.');
          return said('up', stack);
        },
        down: () => said('down', undefined),
        status: () => said('status', stack),
        doctor: () =>
          said('doctor', {
            ok: true,
            checks: [{ name: 'node', ok: true, version: '20', source: 'PATH', mend: null }],
          }),
        provision: () => said('provision', undefined),
        ...parts.local,
      }),
    datasets: () =>
      Promise.resolve({
        importDataset: ({ onProgress, signal, ...request }) => {
          onProgress?.({ done: 1, total: signal ? null : 1 });
          return said(`import ${JSON.stringify(request)}`, manifest({ name: request.name }));
        },
        listDatasets: () => said('list datasets', [manifest()]),
        readDataset: (name) => said(`read ${name}`, manifest({ name })),
        addClasses: (name, classes, as) =>
          said(`add ${name} ${classes.join()}${as === undefined ? '' : ` as ${as}`}`, {
            ...manifest({ name: as ?? `${name}-2` }),
            classes: [...manifest().classes, ...classes],
          }),
        ...parts.datasets,
      }),
    exportLabels:
      parts.exportLabels ??
      (async (rows, format, stream) => {
        for await (const row of rows) stream.write(`${format} ${row.id}\n`);
      }),
    answerFiles:
      parts.answerFiles ??
      (() =>
        Promise.resolve({
          ...answerFiles,
          writeImages: (_run, asked, folder) =>
            said(`images ${asked.length} ${path.basename(folder)}`, new Map(asked.map(({ id }) => [id, `${id}.jpg`]))),
        })),
    exportFolder:
      parts.exportFolder ??
      (async (_run, rows, folder) => {
        let images = 0;
        for await (const row of rows) {
          await mkdir(path.join(folder, row.class), { recursive: true });
          await writeFile(path.join(folder, row.class, `${row.id}.png`), '');
          images++;
        }
        return images;
      }),
    runWorker: parts.runWorker ?? (({ role }) => said(`worker ${role}`, undefined)),
    review:
      parts.review ??
      ((run, options) =>
        said(`review ${run} ${JSON.stringify(options)}`, {
          url: 'http://127.0.0.1:8710/',
          answers: 12,
          close: () => said('close page', undefined),
        })),
    verifyBundle:
      parts.verifyBundle ?? ((dir) => said(`verify ${dir}`, { holds: true, lines: ['The certificate holds.'] })),
    writeShiftReport:
      parts.writeShiftReport ??
      ((run, dataset) =>
        said(`shift report ${run} ${dataset}`, { path: '/reports/shift.html', classes: ['whelk', 'cowrie'] })),
    writeReport: parts.writeReport ?? ((run) => said(`report ${run}`, `/home/reports/${run}.html`)),
    writeNovelPage:
      parts.writeNovelPage ??
      ((run, { images, out }) =>
        said(`novel ${run} ${images}`, { page: out ?? `/home/reports/${run}-novel.html`, view: novelView({ run }) })),
    nameClusters:
      parts.nameClusters ??
      ((run, named, options) =>
        said(`name ${run} ${JSON.stringify(named)} ${JSON.stringify(options)}`, {
          ...{ dataset: options.as ?? 'shells-2', classes: ['cowrie', 'whelk', 'limpet'], added: ['limpet'] },
          taken: named.map((each) => ({ ...each, images: novelView().candidates[0]?.images ?? [] })),
          ...{ carried: 3, from: null },
        })),
    demo: {
      images: () => '/mnist',
      last: () => Promise.resolve(null),
      remember: ({ run }) => said(`remember ${run}`, undefined),
      ...parts.demo,
    },
  };
}

export interface Ran {
  exitCode: number;
  out: string;
  err: string;
}

/** Runs a command in this process against hand-written rooms. `interrupt` presses Ctrl-C as soon as it is listened for. */
export async function labelloop(
  args: string,
  services: Services = rooms(),
  { interrupt = false }: { interrupt?: boolean } = {},
): Promise<Ran> {
  const out = new PassThrough();
  const err = new PassThrough();
  const terminal: Terminal = {
    out,
    err,
    onInterrupt(listener) {
      if (interrupt) setImmediate(listener);
      return () => undefined;
    },
  };
  const exitCode = await runCommandLine(args.split(' '), services, terminal);
  return { exitCode, out: String(out.read() ?? ''), err: String(err.read() ?? '') };
}
