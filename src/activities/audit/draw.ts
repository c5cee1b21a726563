import { randomBytes } from 'node:crypto';
import { auditPaths } from '../../contracts/audit-stages.js';
import type { AuditTurn, DrawInput } from '../../contracts/audit-stages.js';
import { ledgerLine, seedFile } from '../../contracts/audit.js';
import type { Protocol, SeedFile } from '../../contracts/audit.js';
import { problem } from '../../contracts/errors.js';
import { commitmentOf, drawSeed } from '../../labelling/certificate/index.js';
import type { Store } from '../../store/index.js';
import { openDesk, turnOf } from './answers.js';
import { readFrozen, readProtocol, storeLog } from './books.js';
import { drawAside } from './draw-aside.js';

/** Takes the nonce down, for good, and draws. */
export async function drawAudit({ run, audit, refs, nonce }: DrawInput, store: Store): Promise<AuditTurn> {
  const protocol = await readProtocol(store, refs);
  const file = await revealNonce(store, protocol, nonce);
  const frozen = await readFrozen(store, refs.frozen);
  const order = Array.from(await drawAside({ rules: protocol, seed: file.seed, ids: frozen.ids }));
  const ready = {
    ...refs,
    seed: await store.putJson('seed/1', file),
    order: await store.putJson('draw-order/1', order),
    // One that was taken up again has its answers.
    log: refs.log ?? (await storeLog(store, [])),
  };
  return turnOf(store, { run, audit, refs: ready }, await openDesk(store, ready, protocol), protocol);
}

/** Of two nonces the first counts, whoever gives it: a draw can't be repeated until it pleases. */
async function revealNonce(store: Store, protocol: Protocol, given: string | null): Promise<SeedFile> {
  const { run, audit, root } = protocol;
  const line = await store.getPointer(auditPaths.ledgerLine(run, audit), ledgerLine);
  if (!line)
    throw problem(
      'CERTIFICATE_INVALID',
      `the ledger of run '${run}' has no line of audit ${audit}: nothing may be drawn. Restore the store, or start another audit.`,
    );
  const path = auditPaths.seed(run, audit);
  const nonce = given ?? randomBytes(32).toString('hex');
  await store.createPointer(path, {
    format: 'labelloop.seed/1',
    commitment: commitmentOf(protocol),
    committedAt: line.openedAt,
    nonce,
    // Another machine opened the audit, whose clock may be ahead: a nonce is never revealed before its commitment.
    revealedAt: [line.openedAt, new Date().toISOString()].toSorted().at(-1) as string,
    seed: drawSeed(root, nonce),
  } satisfies SeedFile);
  const file = await store.getPointer(path, seedFile);
  if (!file) throw problem('STORE_UNAVAILABLE', `${path} was written and can't be read. Is the store's disk full?`);
  return file;
}
