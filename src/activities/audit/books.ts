import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { auditLine, protocol as protocolFile, seedFile } from '../../contracts/audit.js';
import type { AuditLine, AuditRefs, FrozenLabel, Protocol, SeedFile } from '../../contracts/audit.js';
import { problem } from '../../contracts/errors.js';
import type { Ref } from '../../contracts/references.js';
import type { Frozen } from '../../labelling/audit/desk.js';
import { jsonLines } from '../../labelling/certificate/index.js';
import type { Store } from '../../store/index.js';

/** Readers and writers of an audit's parts. */

export const readProtocol = (store: Store, { protocol }: Pick<AuditRefs, 'protocol'>): Promise<Protocol> =>
  store.readJson(protocol, protocolFile);

export const readSeed = (store: Store, seed: Ref): Promise<SeedFile> => store.readJson(seed, seedFile);

export const readLog = async (store: Store, log: Ref | null): Promise<AuditLine[]> =>
  log === null ? [] : store.readJsonLines(log, auditLine);

export const storeLog = (store: Store, lines: readonly AuditLine[]): Promise<Ref> =>
  store.putBytes('audit-log/1', Buffer.from(jsonLines(lines)));

/** Lines of the log by which people count as being at it. */
const LATELY = 300;

/** Who has answered lately. */
export const latelyAt = (log: readonly AuditLine[]): string[] =>
  [...new Set(log.slice(-LATELY).map(({ by }) => by))].sort().slice(0, 100);

const ranks = z.array(z.int().nonnegative());

/** Parts that never change and take seconds to read where the pool is large; the last few stay in this process. */
const KEPT = 8;
const kept = new Map<string, Promise<unknown>>();

async function keep<T>(key: string, read: () => Promise<T>): Promise<T> {
  const known = kept.get(key) as Promise<T> | undefined;
  if (known) return known;
  const reading = read();
  kept.set(key, reading);
  while (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
  try {
    return await reading;
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

export const readOrder = (store: Store, order: Ref): Promise<Uint32Array> =>
  keep(order.sha256, async () => Uint32Array.from(await store.readJson(order, ranks)));

export const readPositions = (store: Store, positions: Ref): Promise<Uint32Array> =>
  keep(positions.sha256, async () => {
    const bytes = await store.readBytes(positions);
    return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  });

export const readFrozen = (store: Store, frozen: Ref): Promise<FrozenLabels> =>
  keep(frozen.sha256, async () => FrozenLabels.read(await store.fetch(frozen)));

/** The frozen labels by rank and by id, without their lines. */
export class FrozenLabels implements Frozen {
  private constructor(
    readonly ids: readonly string[],
    readonly labels: Int32Array,
    private readonly ranks: ReadonlyMap<string, number>,
  ) {}

  static async read(path: string): Promise<FrozenLabels> {
    const ids: string[] = [];
    const labels: number[] = [];
    const ranks = new Map<string, number>();
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      if (line === '') continue;
      const { id, label } = JSON.parse(line) as FrozenLabel;
      ranks.set(id, ids.length);
      ids.push(id);
      labels.push(label);
    }
    return new FrozenLabels(ids, Int32Array.from(labels), ranks);
  }

  rankOf(id: string): number | null {
    return this.ranks.get(id) ?? null;
  }

  labelOf(rank: number): number {
    const label = this.labels[rank];
    if (label === undefined) throw problem('SHAPE_MISMATCH', `no frozen label has rank ${rank}.`);
    return label;
  }
}
