import { auditLine } from '../contracts/audit.js';
import type { AuditLine } from '../contracts/audit.js';
import type { Ref } from '../contracts/references.js';
import type { Store } from '../store/index.js';

/**
 * The answers behind an `audit-log/1` reference, in the order in which they were taken down.
 *
 * @param about of this image alone; the other lines are not parsed
 */
export async function readLog(store: Store, log: Ref, about?: string): Promise<AuditLine[]> {
  const text = (await store.readBytes(log)).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && (about === undefined || line.includes(about)))
    .map((line) => auditLine.parse(JSON.parse(line)))
    .filter(({ id }) => about === undefined || id === about);
}
