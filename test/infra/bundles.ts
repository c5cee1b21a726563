import fs from 'node:fs';
import path from 'node:path';
import { canonicalJson } from '../../src/contracts/canonical.js';
import {
  agreementOf,
  commitmentOf,
  drawOrder,
  drawSeed,
  exportedLog,
  frozenLine,
  jsonLines,
  merkleRoot,
  sha256Of,
  statementOf,
} from '../../src/labelling/certificate/index.js';
import type { AuditLine, Cut, FrozenLabel, LedgerLine } from '../../src/contracts/audit.js';
import type { BundleParts } from '../../src/labelling/certificate/index.js';

/** The frozen labels of a bundle. */
export const labelsOf = ({ labels }: BundleParts): FrozenLabel[] =>
  String(labels)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as FrozenLabel);

/** A bundle's parts, to be changed. */
export type Mutable = Omit<BundleParts, 'labels' | 'log' | 'ledger'> & {
  labels: FrozenLabel[];
  log: AuditLine[];
  ledger: LedgerLine[];
  order: number[];
};

/** A bundle after a change, with every root, commitment, seed, chain and digest computed anew. */
export function reissued(parts: BundleParts, change: (parts: Mutable) => void, { recount = false } = {}): BundleParts {
  const { certificate, protocol, seed, ledger } = structuredClone(parts);
  const labels = labelsOf(parts);
  const ids = labels.map(({ id }) => id);
  const order = [...drawOrder(protocol, seed.seed, ids)].filter((rank) => rank < (protocol.cuts[0] as Cut).size);
  const before = canonicalJson(protocol);
  const mutable: Mutable = {
    certificate,
    protocol,
    seed,
    labels,
    order,
    log: exportedLog(parts.log),
    ledger: [...ledger],
  };
  change(mutable);
  const lines = mutable.labels.map(frozenLine);
  protocol.root = merkleRoot(lines);
  seed.commitment = commitmentOf(protocol);
  seed.seed = drawSeed(protocol.root, seed.nonce);
  const own = mutable.ledger.at(-1) as LedgerLine;
  own.protocol = seed.commitment;
  if (before !== canonicalJson(protocol)) own.alpha = protocol.alpha;
  mutable.ledger.forEach((line, i) => {
    line.before = i === 0 ? '0'.repeat(64) : sha256Of(canonicalJson(mutable.ledger[i - 1]));
  });
  const log = exportedLog(mutable.log);
  if (recount) {
    const given = log.filter(({ use }) => use === 'audit');
    certificate.corrected = given.filter(({ rank, verdict }) => labels[rank as number]?.label !== verdict).length;
    Object.assign(certificate.panel, agreementOf(log));
  }
  Object.assign(certificate, { root: protocol.root, alpha: protocol.alpha });
  if (certificate.epsilon !== 0.02) certificate.epsilon = protocol.epsilon;
  certificate.statement = statementOf(certificate);
  certificate.digests = {
    protocol: seed.commitment,
    seed: sha256Of(canonicalJson(seed)),
    audit: sha256Of(jsonLines(log)),
    ledger: sha256Of(jsonLines(mutable.ledger)),
  };
  return {
    certificate,
    protocol,
    seed,
    log,
    ledger: mutable.ledger,
    labels: lines.map((line) => `${line}\n`).join(''),
  };
}

/** Every leaf of every JSON value changed, and lines taken out, doubled and swapped; of long files, lines at both ends and between. */
export function* mutations(dir: string): Generator<{ file: string; what: string; text: string }> {
  for (const file of ['certificate.json', 'protocol.json', 'seed.json', 'signature.json']) {
    const text = fs.readFileSync(path.join(dir, file), 'utf8');
    for (const { what, value } of changedLeaves(JSON.parse(text))) yield { file, what, text: canonicalJson(value) };
    yield { file, what: 'a line feed after it', text: `${text}\n` };
    yield { file, what: 'a blank', text: text.replace(':', ': ') };
    yield { file, what: 'cut off', text: text.slice(0, -1) };
  }
  for (const file of ['labels.jsonl', 'audit.jsonl', 'ledger.jsonl']) {
    const lines = fs.readFileSync(path.join(dir, file), 'utf8').trimEnd().split('\n');
    const joined = (list: string[]) => list.map((line) => `${line}\n`).join('');
    for (const i of new Set([0, Math.floor(lines.length / 2), lines.length - 1])) {
      const line = lines[i] as string;
      const place = `line ${i + 1}`;
      for (const { what, value } of changedLeaves(JSON.parse(line)))
        yield { file, what: `${place}, ${what}`, text: joined(lines.with(i, canonicalJson(value))) };
      yield { file, what: `${place} taken out`, text: joined(lines.toSpliced(i, 1)) };
      yield { file, what: `${place} doubled`, text: joined(lines.toSpliced(i, 0, line)) };
      if (i > 0)
        yield { file, what: `${place} swapped`, text: joined(lines.with(i, lines[i - 1] as string).with(i - 1, line)) };
    }
    yield { file, what: 'cut off', text: joined(lines).slice(0, -1) };
    yield { file, what: 'empty', text: '' };
  }
}

/** Copies of a value, in each of which one leaf is another, or one field is gone or new. */
function* changedLeaves(value: unknown, place = ''): Generator<{ what: string; value: unknown }> {
  if (value === null || typeof value !== 'object') {
    const others: unknown[] =
      typeof value === 'number'
        ? [value + 1, String(value)]
        : typeof value === 'string'
          ? [flipped(value), `${value}x`]
          : ['x'];
    for (const other of others) yield { what: `${place} = ${JSON.stringify(other)}`, value: other };
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    const put = (changed: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed };
    for (const each of changedLeaves(inner, `${place}.${name}`)) yield { what: each.what, value: put(each.value) };
    if (Array.isArray(value)) yield { what: `${place}.${name} taken out`, value: value.toSpliced(Number(name), 1) };
    else
      yield {
        what: `${place}.${name} gone`,
        value: Object.fromEntries(Object.entries(value).filter(([n]) => n !== name)),
      };
  }
  if (!Array.isArray(value)) yield { what: `${place}.more`, value: { ...value, more: 1 } };
}

/** The first character becomes another of its kind. */
const flipped = (text: string): string => (text.startsWith('1') ? '2' : '1') + text.slice(1);

/** Two at a time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    [0, 1].map(async () => {
      for (const item of rest) await work(item);
    }),
  );
}

/** P(a look certifies | most + 1 wrong) by the exact law of the hypergeometric distribution in whole numbers. */
export function enumerated({ size, most, looks: all }: Cut): number {
  const choose = (n: number, k: number): bigint => {
    if (k < 0 || k > n) return 0n;
    let result = 1n;
    for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i);
    return result;
  };
  // Ways to part the draws between the looks: numerators over one common denominator.
  let ways = new Map<number, bigint>([[0, 1n]]);
  let [before, denominator, certified] = [0, 1n, 0];
  for (const { answers, allowed } of all) {
    const drawn = answers - before;
    const next = new Map<number, bigint>();
    for (const [w, count] of ways)
      for (let k = 0; k <= drawn; k++) {
        const more = count * choose(most + 1 - w, k) * choose(size - before - (most + 1 - w), drawn - k);
        if (more > 0n) next.set(w + k, (next.get(w + k) ?? 0n) + more);
      }
    denominator *= choose(size - before, drawn);
    let passed = 0n;
    for (const [w, count] of next)
      if (w <= allowed) {
        passed += count;
        next.delete(w);
      }
    certified += Number((passed * 10n ** 30n) / denominator) / 1e30;
    [ways, before] = [next, answers];
  }
  return certified;
}
