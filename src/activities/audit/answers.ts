import { auditPaths, auditProgress, questionsFile } from '../../contracts/audit-stages.js';
import type {
  AnswerByTruthInput,
  AuditProgress,
  AuditTurn,
  DueFile,
  RecordInput,
} from '../../contracts/audit-stages.js';
import { answer as answerSchema } from '../../contracts/audit.js';
import type { Answer, AuditRefs, Protocol } from '../../contracts/audit.js';
import { problem } from '../../contracts/errors.js';
import type { Ref } from '../../contracts/references.js';
import { Desk, isDoubled } from '../../labelling/audit/desk.js';
import { askingWords } from '../../labelling/audit/words.js';
import type { Store } from '../../store/index.js';
import { readItems, readManifest } from '../inputs.js';
import { latelyAt, readFrozen, readLog, readOrder, readPositions, readProtocol, readSeed, storeLog } from './books.js';
import { ANSWERS_AT_ONCE, hiddenPanel } from './hidden-labels.js';
import { openedOrFail } from './ledger.js';

/** Takes answers down: all, or none where one can't be taken. The same input gives the same log. */
export async function recordAnswers(input: RecordInput, store: Store): Promise<AuditTurn> {
  const protocol = await readProtocol(store, input.refs);
  const desk = await openDesk(store, input.refs, protocol);
  const answers = checkedAnswers(input.answers);
  const isOpen = await openImages(store, { ...input, answers });
  for (const answer of answers) desk.take(answer, isOpen);
  return turnOf(store, input, desk, protocol);
}

/** Answers as they came, by whatever tool: one that can't be read back must not get into the log. */
export function checkedAnswers(answers: unknown[]): Answer[] {
  return answers.map((given, i) => {
    const { data, error } = answerSchema.safeParse(given);
    if (data) return data;
    const [issue] = error.issues;
    throw problem(
      'AUDIT_INVALID',
      `answer ${i + 1}: ${issue?.path.join('.') || 'all of it'}: ${issue?.message}. Give { id, verdict, by, at, seconds }: verdict is a class's number, 'unsure' or 'none'.`,
    );
  });
}

/** A dry run: hidden labels answer what is wanted, and err in the share of the answers that the settings say. */
export async function answerByTruth(input: AnswerByTruthInput, store: Store): Promise<AuditTurn> {
  const protocol = await readProtocol(store, input.refs);
  const manifest = await readManifest(store, input.dataset);
  if (protocol.panel.answersFrom !== 'truth')
    throw problem('AUDIT_INVALID', `hidden labels of dataset '${manifest.name}' may not answer in this audit.`);
  const answerOf = await hiddenPanel(store, manifest, input.settings.answers, input.seed);
  const desk = await openDesk(store, input.refs, protocol);
  const { ids } = await readFrozen(store, input.refs.frozen);
  for (let i = 0; i < ANSWERS_AT_ONCE && desk.wanted.length > 0; i++) {
    const rank = desk.wanted[0] as number;
    desk.take(answerOf(ids[rank] as string, rank), () => false);
  }
  return turnOf(store, input, desk, protocol);
}

/** The desk with the log so far. */
export async function openDesk(store: Store, refs: AuditRefs, protocol: Protocol): Promise<Desk> {
  if (refs.order === null) throw problem('AUDIT_INVALID', 'Nothing is drawn yet: the audit waits for its nonce.');
  const [order, frozen, lines] = await Promise.all([
    readOrder(store, refs.order),
    readFrozen(store, refs.frozen),
    readLog(store, refs.log),
  ]);
  return new Desk(protocol, order, frozen, lines);
}

/** Stores the log, judges from it, and says what comes next. */
export async function turnOf(
  store: Store,
  { run, audit, refs }: { run: string; audit: number; refs: AuditRefs },
  desk: Desk,
  protocol: Protocol,
): Promise<AuditTurn> {
  const judgement = desk.close();
  const { outlook } = await openedOrFail(store, run, audit);
  const log = await storeLog(store, desk.log);
  const seen = desk.log.length;
  await remember(store, auditPaths.log(run, audit), { format: 'labelloop.audit-progress/1', log, seen, judgement });
  await store.putPointer(auditPaths.due(run, audit), await dueOf(store, refs, desk, protocol));
  const { from, count } = protocol.repair;
  const repairs = desk.wanted.some((rank) => rank >= from && rank < from + count);
  return {
    refs: { ...refs, log },
    seen,
    judgement,
    phase: repairs ? 'repair' : 'audit',
    words: askingWords(protocol, outlook, judgement, desk.wanted.length),
  };
}

/** For an audit of these labels that begins when this workflow has ended. An attempt that was given up may come late. */
async function remember(store: Store, path: string, progress: AuditProgress): Promise<void> {
  const before = await store.getPointer(path, auditProgress);
  if (before === null || before.seen < progress.seen) await store.putPointer(path, progress);
}

async function dueOf(store: Store, refs: AuditRefs, desk: Desk, protocol: Protocol): Promise<DueFile> {
  const [frozen, positions] = await Promise.all([readFrozen(store, refs.frozen), readPositions(store, refs.positions)]);
  const at = (rank: number) => ({ id: frozen.ids[rank] as string, position: positions[rank] as number });
  const { log } = desk;
  const seed = refs.seed ? (await readSeed(store, refs.seed)).seed : '';
  const second = new Set(log.filter(({ use }) => use === 'second').map(({ id }) => id));
  const first = log.filter(({ use, id }) => (use === 'audit' || use === 'repair') && !second.has(id));
  const asked = new Set(log.filter(({ use }) => use === 'question').map(({ id }) => id));
  const { images } = await store.readJson(refs.questions, questionsFile);
  return {
    format: 'labelloop.due/1',
    seen: log.length,
    due: desk.wanted.slice(0, 1000).map(at),
    seconds: first
      .filter(({ use, id }) => use === 'audit' && isDoubled(seed, id, protocol.panel.double))
      .slice(0, 500)
      .map(({ rank, by }) => ({ ...at(rank as number), by })),
    open: images.filter(({ id }) => !asked.has(id)).slice(0, 500),
    people: latelyAt(log),
  };
}

/** Tells pool images that are not frozen: those that people are asked about, and only if it must, all others. */
async function openImages(
  store: Store,
  { dataset, refs, answers }: { dataset: Ref; refs: AuditRefs; answers: readonly Answer[] },
): Promise<(id: string) => boolean> {
  const frozen = await readFrozen(store, refs.frozen);
  const strange = new Set(answers.map(({ id }) => id).filter((id) => frozen.rankOf(id) === null));
  const found = new Set<string>();
  if (strange.size === 0) return () => false;
  const look = (ids: Iterable<{ id: string }>): void => {
    for (const { id } of ids) if (strange.delete(id)) found.add(id);
  };
  look((await store.readJson(refs.questions, questionsFile)).images);
  for (const shard of strange.size === 0 ? [] : (await readManifest(store, dataset)).shards.pool)
    if (strange.size > 0) look(await readItems(store, shard));
  return (id) => found.has(id);
}
