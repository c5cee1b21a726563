import { auditPaths, openedAudit } from '../../contracts/audit-stages.js';
import type { OpenedAudit } from '../../contracts/audit-stages.js';
import { ledgerLine } from '../../contracts/audit.js';
import type { AuditState, LedgerLine } from '../../contracts/audit.js';
import { problem } from '../../contracts/errors.js';
import type { Store } from '../../store/index.js';

/** The audits of a run that were ever opened, in their order. */
export async function readLedger(store: Store, run: string): Promise<LedgerLine[]> {
  const lines: LedgerLine[] = [];
  for (const path of await store.listPointers(auditPaths.ledger(run))) {
    const line = await store.getPointer(path, ledgerLine);
    if (line) lines.push(line);
  }
  return lines;
}

/**
 * Writes an audit's line, which opens it. One conditional PUT: of two that open the same number, one gets it.
 *
 * @returns false where the number is another's
 */
export const writeLedgerLine = (store: Store, run: string, line: LedgerLine): Promise<boolean> =>
  store.createPointer(auditPaths.ledgerLine(run, line.audit), line);

/** With what an audit was opened; null where it was not. */
export const readOpened = (store: Store, run: string, audit: number): Promise<OpenedAudit | null> =>
  store.getPointer(auditPaths.opened(run, audit), openedAudit);

/** @throws AUDIT_UNKNOWN */
export async function openedOrFail(store: Store, run: string, audit: number): Promise<OpenedAudit> {
  const opened = await readOpened(store, run, audit);
  if (!opened) throw problem('AUDIT_UNKNOWN', `Audit ${audit} of run '${run}' is not open.`);
  return opened;
}

/** Keeps how an audit ended: its workflow is forgotten some time. */
export const endAudit = ({ state }: { state: AuditState }, store: Store): Promise<void> =>
  store.putPointer(auditPaths.ended(state.run, state.audit), state);
