import { auditPaths, openedAudit } from '../contracts/audit-stages.js';
import { auditState } from '../contracts/audit.js';
import type { PoolCounts } from '../contracts/audit.js';
import { openedQuestions, questionsPaths, questionsProgress, questionsState } from '../contracts/questions.js';
import type { Ref } from '../contracts/references.js';
import type { Store } from './store.js';

/** What people's answers in an audit that has ended, or to questions, made of a run's labels. */
export interface Correction {
  of: 'audit' | 'questions';
  number: number;
  openedAt: string;
  /** The round's labels that they are about; null for questions within a run that went on. */
  base: Ref | null;
  /** The labels before, and after; null while questions are open. */
  from: Ref;
  labels: Ref | null;
  log: Ref | null;
  pool: PoolCounts | null;
  /** What names its dataset: the audit's protocol, or the dataset itself. */
  about: { protocol: Ref } | { dataset: Ref };
}

/** All of a run, in the order in which they were opened; without audits that are open, whose answers count at their end. */
export async function readCorrections(store: Store, run: string): Promise<Correction[]> {
  const found = await Promise.all([audits(store, run), questions(store, run)]);
  return found.flat().sort((a, b) => a.openedAt.localeCompare(b.openedAt));
}

/** The one whose labels are in force, of those about a round's labels; null: the round's own are. */
export const inForce = (corrections: readonly Correction[], base: Ref): Correction | null =>
  corrections.findLast((each) => each.base?.sha256 === base.sha256) ?? null;

async function audits(store: Store, run: string): Promise<Correction[]> {
  const found: Correction[] = [];
  const count = (await store.listPointers(auditPaths.ledger(run))).length;
  for (let number = 1; number <= count; number++) {
    const opened = await store.getPointer(auditPaths.opened(run, number), openedAudit);
    const ended = await store.getPointer(auditPaths.ended(run, number), auditState);
    if (!opened || !ended?.refs?.labels) continue;
    const { openedAt, base, labels: from } = opened;
    const { labels, log, protocol } = ended.refs;
    found.push({
      ...{ of: 'audit', number, openedAt, base, from, labels, log, pool: ended.pool ?? null, about: { protocol } },
    });
  }
  return found;
}

async function questions(store: Store, run: string): Promise<Correction[]> {
  const found: Correction[] = [];
  const count = (await store.listPointers(questionsPaths.all(run))).length;
  for (let number = 1; number <= count; number++) {
    const opened = await store.getPointer(questionsPaths.opened(run, number), openedQuestions);
    const progress = await store.getPointer(questionsPaths.log(run, number), questionsProgress);
    if (!opened || !progress) continue;
    const ended = await store.getPointer(questionsPaths.ended(run, number), questionsState);
    const { openedAt, base, labels: from, dataset } = opened;
    const labels = ended?.refs.labels ?? null;
    const { log } = progress;
    found.push({
      ...{ of: 'questions', number, openedAt, base, from, labels, log, pool: ended?.pool ?? null, about: { dataset } },
    });
  }
  return found;
}
