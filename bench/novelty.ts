import { parseArgs } from 'node:util';
import { deriveSeed } from '../src/contracts/random.js';
import { assign, fitKMeans } from '../src/labelling/kmeans.js';
import { nearestKnown, novelCandidates, noveltyScores, reachOf } from '../src/labelling/novelty.js';
import { inProcessLearner } from '../src/learner/in-process.js';
import { KNOWN, labelOf, scored, sceneOf, SETTINGS, trained, trainingImages } from './novelty-models.js';
import { table, writeTable } from './table.js';
import type { ClusterLook } from '../src/labelling/novelty.js';
import type { Scene, Setting } from './novelty-models.js';

/*
 * MNIST with 500 labels of the digits 0 to 7: how well 8 and 9 are told from them in a pool of all ten, how good the clusters
 * are that are offered as new, and how many answers it takes until a model knows the new digits. `run`: the pool that the
 * student learns from has them too. The score was chosen on seed 11.
 *
 *     node dist/bench/novelty.js --seeds 1,2,3 --answers 1,5,20 --tables
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    settings: { type: 'string', default: SETTINGS.join() },
    answers: { type: 'string', default: '' },
    tables: { type: 'boolean', default: false },
  },
});
const seeds = values.seeds.split(',').map(Number);
const settings = SETTINGS.filter((setting) => values.settings.split(',').includes(setting));
const answers = values.answers.split(',').filter(Boolean).map(Number);
const CLUSTERS_PER_CLASS = 3;
const learner = inProcessLearner();

/** Area under the ROC curve: how often a new image scores above a known one (Mann and Whitney's U); ties count half. */
function auroc(scores: ArrayLike<number>, isNew: readonly boolean[]): number {
  const order = [...isNew.keys()].sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let [rankSum, news] = [0, 0];
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && scores[order[to] as number] === scores[order[from] as number]) to++;
    for (const item of order.slice(from, to))
      if (isNew[item]) {
        rankSum += (from + to + 1) / 2;
        news++;
      }
    from = to;
  }
  return (rankSum - (news * (news + 1)) / 2) / (news * (isNew.length - news));
}

interface Look extends ClusterLook {
  /** Places in the pool, the most central first. */
  members: number[];
}

interface Finding {
  setting: Setting;
  seed: number;
  scene: Scene;
  aurocs: number[];
  looks: Look[];
  candidates: Look[];
}

const SCORES = [
  'entropy',
  'max softmax',
  'mutual information',
  'nearest centroid',
  'nearest known',
  'with its cluster',
];

async function find(setting: Setting, seed: number): Promise<Finding> {
  const scene = await sceneOf(learner, setting, seed);
  const { target, labelled, digits } = scene;
  const key = deriveSeed(seed, 'cluster', 1);
  const centroids = await fitKMeans(target.features, CLUSTERS_PER_CLASS * KNOWN, key);
  const groups = await assign(target.features, centroids);
  const known = await fitKMeans(labelled.features, CLUSTERS_PER_CLASS * KNOWN, key);
  const distance = await nearestKnown(target.features, labelled.features);
  const isNew = digits.target.map((image) => labelOf(image) >= KNOWN);
  const scores: ArrayLike<number>[] = [
    target.entropy,
    target.predicted.map((label, i) => 1 - (target.p[i * target.classes + label] as number)),
    target.epistemic,
    (await assign(target.features, known)).distance,
    distance,
    noveltyScores(distance, groups.cluster, centroids.k),
  ];
  const reach = await reachOf(labelled.features);
  const looks = Array.from({ length: centroids.k }, (_, cluster): Look => {
    const at = (i: number): number => groups.distance[i] as number;
    const members = [...groups.cluster.keys()].filter((i) => groups.cluster[i] === cluster);
    return {
      ...{ cluster, size: members.length },
      spread: Math.sqrt(members.reduce((sum, i) => sum + at(i) ** 2, 0) / members.length),
      far: members.filter((i) => (distance[i] as number) > reach).length / members.length,
      members: members.sort((a, b) => at(a) - at(b)),
    };
  });
  const aurocs = scores.map((score) => auroc(score, isNew));
  return { setting, seed, scene, aurocs, looks, candidates: novelCandidates(looks) };
}

const truthOf = ({ scene }: Finding, member: number): number => labelOf(scene.digits.target[member] as number);

/** The digit that most of a cluster's images are. */
function digitOf(finding: Finding, { members }: Look): number {
  const counts = new Array<number>(10).fill(0);
  for (const member of members) counts[truthOf(finding, member)]!++;
  return counts.indexOf(Math.max(...counts));
}

function candidateRow(finding: Finding): string[] {
  const { setting, seed, scene, aurocs, looks, candidates } = finding;
  const news = (of: readonly Look[]): number =>
    of.flatMap(({ members }) => members).filter((member) => truthOf(finding, member) >= KNOWN).length;
  const right = candidates.filter((look) => digitOf(finding, look) >= KNOWN);
  const held = candidates.reduce((sum, { size }) => sum + size, 0);
  const isKnown = scene.digits.target.map((image) => labelOf(image) < KNOWN);
  const hits = scene.target.predicted.filter((label, i) => isKnown[i] && label === truthOf(finding, i)).length;
  return [
    ...[setting, String(seed), percent(hits / isKnown.filter(Boolean).length)],
    ...aurocs.map((value) => value.toFixed(3)),
    `${right.length} of ${candidates.length}`,
    percent(news(candidates) / held),
    percent(news(candidates) / news(looks)),
  ];
}

const percent = (share: number): string => (100 * share).toFixed(1);

/** The n images that a person is shown of a digit's clusters: the most central of each in turn. */
function shownOf(finding: Finding, digit: number, n: number): number[] {
  const clusters = finding.candidates.filter((look) => digitOf(finding, look) === digit);
  const turns = Array.from({ length: n }, (_, turn) =>
    clusters.flatMap(({ members }) => members.slice(turn, turn + 1)),
  );
  return turns.flat().slice(0, n);
}

/**
 * A person names the clusters offered that are of a new digit, with n images of each digit that are shown and, where they are of
 * it, become answers; the model is trained anew with these. Images that were shown are left out of the accuracy.
 */
async function answerRow(finding: Finding, n: number): Promise<string[]> {
  const { seed, scene } = finding;
  const { digits } = scene;
  const shown = [KNOWN, KNOWN + 1].flatMap((digit) => shownOf(finding, digit, n).map((member) => ({ member, digit })));
  const taken = shown.filter(({ member, digit }) => truthOf(finding, member) === digit);
  const images = [...trainingImages(digits), ...taken.map(({ member }) => digits.target[member] as number)];
  const name = `named-${n}-of-each-${seed}`;
  const model = await trained(learner, {
    ...{ name, seed, student: 'augmented', classes: 10, images, labels: images.map(labelOf), pool: [] },
  });
  const { predicted } = await scored(learner, model, 'target', digits.target);
  const seen = new Set(shown.map(({ member }) => member));
  const accuracy = (of: (digit: number) => boolean): string => {
    const rest = predicted.map((_, i) => i).filter((i) => !seen.has(i) && of(truthOf(finding, i)));
    return percent(rest.filter((i) => predicted[i] === truthOf(finding, i)).length / rest.length);
  };
  return [
    ...[String(n), String(seed), String(taken.length)],
    ...[accuracy((digit) => digit === KNOWN), accuracy((digit) => digit === KNOWN + 1)],
    accuracy((digit) => digit < KNOWN),
  ];
}

const print = (row: string[]): string[] => {
  console.log(`| ${row.join(' | ')} |`);
  return row;
};
const foundRows: string[][] = [];
const answerRows: string[][] = [];
for (const setting of settings)
  for (const seed of seeds) {
    const finding = await find(setting, seed);
    foundRows.push(print(candidateRow(finding)));
    if (setting === 'augmented') for (const n of answers) answerRows.push(print(await answerRow(finding, n)));
  }
if (values.tables) {
  const head = ['model', 'seed', 'accuracy on 0 to 7 %', ...SCORES];
  writeTable(
    'novelty',
    table([...head, 'clusters offered that are new', 'new among their images %', 'of all new %'], foundRows),
  );
  if (answers.length > 0)
    writeTable(
      'novel-answers',
      table(
        ['answers a new digit', 'seed', 'of them right', 'accuracy on 8 %', 'on 9 %', 'on 0 to 7 %'],
        answerRows.sort((a, b) => Number(a[0]) - Number(b[0])),
      ),
    );
}
