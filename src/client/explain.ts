import { auditLine, certificate } from '../contracts/audit.js';
import type { AuditState, Verdict } from '../contracts/audit.js';
import { shardAt } from '../contracts/dataset.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import type { AnswerExplanation, Explanation, RoundExplanation } from '../contracts/explanation.js';
import type { Ref } from '../contracts/references.js';
import { scoreOf } from '../contracts/scores.js';
import { cutoffFile, posteriorSet } from '../contracts/stages.js';
import type { RoundRecord } from '../contracts/stages.js';
import type { LabelRow, PosteriorRow } from '../contracts/tables.js';
import { correctLabel } from '../labelling/audit/correct.js';
import { readColumns, readRow, tables } from '../store/index.js';
import type { Correction, Store } from '../store/index.js';
import { clientErrors } from './errors.js';

/** Likeliest classes that are told. */
const CLASSES = 5;

/** What is known of a run when one of its labels is to be explained. */
export interface Told {
  run: string;
  manifest: DatasetManifest;
  rounds: readonly RoundRecord[];
  /** The labels in force: the last round's, or those that an audit has changed since. */
  labels: Ref;
  /** What people said since, to questions that are open. */
  said: ReadonlyMap<string, Verdict> | null;
  /** All audits of the run, in their order, and all questions. */
  audits: readonly AuditState[];
  questions: readonly Correction[];
}

/**
 * Follows one image through all rounds and audits. Of each table only the ids and the image's own row group are read.
 *
 * @param image id or name of an image of the pool
 * @throws USAGE where the pool has no such image, or several of that name
 */
export async function explain(store: Store, told: Told, image: string): Promise<Explanation> {
  const { run, manifest, rounds, audits, questions } = told;
  const { classes } = manifest;
  const file = await store.fetch(told.labels);
  const position = await find(file, image, run);
  const stored = (await readRow(tables.labels, file, position)) as LabelRow;
  const row = told.said ? correctLabel(stored, told.said.get(stored.id), null, null, classes) : stored;
  const explained: RoundExplanation[] = [];
  for (const record of rounds) explained.push(await explainRound(store, manifest, record, position));
  const answers: AnswerExplanation[] = [];
  for (const { audit, refs } of audits) answers.push(...(await answersAbout(store, classes, audit, refs?.log, row.id)));
  for (const { log } of questions) answers.push(...(await answersAbout(store, classes, null, log, row.id)));
  return {
    run,
    dataset: manifest.name,
    id: row.id,
    name: row.name,
    position,
    status: row.status,
    label: row.class || null,
    source: row.source || null,
    certificate: row.certificate,
    statement: row.certificate === '' ? null : await statementOf(store, audits, row.certificate),
    rounds: explained,
    answers,
  };
}

/** Position of the image in the pool. An id is found first; names are read to the end, as several images may have one. */
async function find(file: string, image: string, run: string): Promise<number> {
  const named: { id: string; position: number }[] = [];
  let position = 0;
  for await (const group of readColumns(tables.labels, file, ['id', 'name'])) {
    for (const { id, name } of group) {
      if (id === image) return position;
      if (name === image) named.push({ id, position });
      position++;
    }
  }
  const [found, ...others] = named;
  if (!found) throw clientErrors.unknownImage(run, image);
  if (others.length > 0)
    throw clientErrors.ambiguousImage(
      image,
      named.map(({ id }) => id),
    );
  return found.position;
}

async function explainRound(
  store: Store,
  { classes, shards }: DatasetManifest,
  record: RoundRecord,
  position: number,
): Promise<RoundExplanation> {
  const row = (await readRow(tables.labels, await store.fetch(record.labels), position)) as LabelRow;
  const posterior = await posteriorAt(store, record.pool, shards.pool, position);
  // Runs of 0.1 have another format of cut-offs.
  const cutoff = await store.readJson(record.cutoff, cutoffFile).catch(() => null);
  const score = cutoff && posterior && { name: cutoff.score, value: scoreOf(cutoff.score, posterior) };
  return {
    round: record.round,
    decision: row.change,
    status: row.status,
    label: row.class || null,
    source: row.source || null,
    predicted: classes[row.predicted] ?? '',
    probability: row.probability,
    uncertainty: {
      predictiveEntropy: row.predictive_entropy,
      aleatoric: row.aleatoric,
      epistemic: row.epistemic,
      total: numberOrNull(row.total_uncertainty),
    },
    classes: posterior ? likeliest(posterior.p, classes) : [],
    passes: posterior && posterior.passes > 0 ? posterior.passes : null,
    score: score && Number.isFinite(score.value) ? score : null,
    threshold: row.threshold,
    cluster: row.cluster,
    model: record.model.sha256,
    given: row.round > 0 ? { round: row.round, model: row.model } : null,
    certificate: row.certificate,
  };
}

/** The image's row among its shard's posteriors. */
async function posteriorAt(
  store: Store,
  set: Ref,
  shards: DatasetManifest['shards']['pool'],
  position: number,
): Promise<PosteriorRow | null> {
  const shard = shardAt(shards, position);
  const scored = shard && (await store.readJson(set, posteriorSet)).shards[shard.index];
  return scored ? readRow(tables.posteriors, await store.fetch(scored.posteriors), position - shard.offset) : null;
}

const likeliest = (p: readonly number[], classes: readonly string[]): RoundExplanation['classes'] =>
  p
    .map((probability, index) => ({ class: classes[index] ?? '', probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, CLASSES);

async function answersAbout(
  store: Store,
  classes: readonly string[],
  audit: number | null,
  log: Ref | null | undefined,
  id: string,
): Promise<AnswerExplanation[]> {
  if (!log) return [];
  const lines = await store.readJsonLines(log, auditLine, id);
  const about = lines.filter((line) => line.id === id);
  return about.map(({ by, at, seconds, use, verdict }) => {
    const answer = typeof verdict === 'number' ? (classes[verdict] ?? '') : verdict;
    return { audit, by, at, seconds, use, verdict, answer };
  });
}

async function statementOf(store: Store, audits: readonly AuditState[], id: string): Promise<string | null> {
  for (const { refs } of audits) {
    if (!refs?.certificate) continue;
    const found = await store.readJson(refs.certificate, certificate);
    if (found.id === id) return found.statement;
  }
  return null;
}

const numberOrNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
