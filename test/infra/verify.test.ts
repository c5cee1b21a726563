import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { writeBundle } from '../../src/client/bundle.js';
import { Desk } from '../../src/labelling/audit/desk.js';
import { allowedErrors, falseCertificateProbability, judge } from '../../src/labelling/audit/index.js';
import {
  createSigningKey,
  drawOrder,
  exportedLog,
  fingerprintOf,
  makeCertificate,
} from '../../src/labelling/certificate/index.js';
import { auditedBundle, key } from '../labelling/certificate/fixtures.js';
import { enumerated, inParallel, labelsOf, mutations, reissued } from './bundles.js';
import type { AuditLine, Cut, FrozenLabel, LedgerLine } from '../../src/contracts/audit.js';
import type { BundleParts } from '../../src/labelling/certificate/index.js';
import type { AuditCase } from '../labelling/certificate/fixtures.js';
import type { Mutable } from './bundles.js';

interface Verified {
  code: number;
  stdout: string;
  stderr: string;
}

const verifier = path.resolve('infra/verify.mjs');

/** Runs the real verifier on a bundle; the bundle's own copy of it without `script`. */
const verify = (dir: string, rest: string[] = [], script = path.join(dir, 'verify.mjs')): Promise<Verified> =>
  new Promise((resolve) =>
    execFile(process.execPath, [script, dir, ...rest], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  );

const folders: string[] = [];
const folder = (): string => {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'labelloop-bundle-'));
  folders.push(made);
  return made;
};

async function written(parts: BundleParts, privateKey = key.privateKey): Promise<string> {
  const dir = folder();
  await writeBundle(dir, parts, privateKey);
  return dir;
}

/** One clear line on stderr, exit code 1. */
function assertRefused({ code, stdout, stderr }: Verified, reason: RegExp, what: string): void {
  assert.equal(code, 1, `${what} was taken: ${stdout}`);
  assert.match(stderr, /^REFUSED: [^\n]+\n$/, what);
  assert.match(stderr, reason, what);
}

/** Looks at one fifth, half and all of an alpha of 5 %. */
const looks = (size: number, most: number): Cut['looks'] =>
  allowedErrors(size, most, 0.05, [60, 110, 170], [0.2, 0.5, 1]);

const small: AuditCase = {
  labels: 260,
  wrong: (rank) => rank % 37 === 5,
  epsilon: 0.1,
  cuts: [180, 240],
  repair: 12,
  double: 0.2,
  late: 4,
  before: 1,
};

after(() => {
  for (const each of folders) fs.rmSync(each, { recursive: true, force: true });
});

describe('verify.mjs', function () {
  this.timeout(600_000);

  it('is a file that can be read: fewer than 200 lines, and Node alone', () => {
    const text = fs.readFileSync(verifier, 'utf8');
    assert.ok(text.split('\n').length <= 200);
    for (const [, from] of text.matchAll(/from '(.+)'/g)) assert.match(from as string, /^node:/);
  });

  const cases: Record<string, AuditCase> = {
    'betting, two cuts, repair, second answers, an older audit, late answers': small,
    'betting with weighted draws': { ...small, drawing: 'uncertainty' },
    'looks at two cuts': { ...small, before: 0, looks, instrument: 'looks', epsilon: 0.08 },
    'one cut of everything': { labels: 150, epsilon: 0.1, cuts: [150] },
    'a census': { labels: 40, epsilon: 0.02, cuts: [40] },
    'an audit of one class': { ...small, class: 3 },
    'a dry run': { labels: 150, epsilon: 0.1, cuts: [150], answersFrom: 'truth' },
  };
  for (const [name, audited] of Object.entries(cases))
    it(`takes ${name}, and says what it can't check`, async () => {
      const parts = auditedBundle(audited);
      const dir = await written(parts);
      const { code, stdout, stderr } = await verify(dir);
      assert.equal(code, 0, stderr);
      assert.ok(stdout.includes(`CERTIFIED: ${parts.certificate.statement}`));
      assert.ok(stdout.includes(fingerprintOf(key.publicKey)));
      for (const word of ['honestly', 'nonce', 'image', 'ledger', 'whose key']) assert.match(stdout, new RegExp(word));
    });

  it('takes whatever audit the program certifies', async () => {
    const audits = fc.record({
      labels: fc.integer({ min: 150, max: 400 }),
      every: fc.integer({ min: 30, max: 200 }),
      share: fc.double({ min: 0.4, max: 0.95, noNaN: true }),
      drawing: fc.constantFrom('uniform' as const, 'uncertainty' as const),
      instrument: fc.constantFrom('betting' as const, 'looks' as const),
      repair: fc.nat(20),
      double: fc.constantFrom(0, 0.3),
      late: fc.nat(6),
    });
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(audits, async ({ every, share, drawing, instrument, ...rest }) => {
        const cuts = [Math.floor(share * (rest.labels - 20)), rest.labels - 20];
        const audited: AuditCase = { ...rest, cuts, instrument, epsilon: 0.1, wrong: (rank) => rank % every === 7 };
        if (instrument === 'betting') audited.drawing = drawing;
        else audited.looks = (size, most) => allowedErrors(size, most, 0.05, [size >> 1, size], [0.5, 1]);
        const parts = auditedBundle(audited);
        const { code, stderr } = await verify(await written(parts));
        assert.equal(code, 0, stderr);
        taken++;
      }),
      { numRuns: 12 },
    );
    assert.ok(taken >= 12);
  });

  it('takes what the desk took, in whatever order three people answered what it wanted', async () => {
    const { protocol, seed, ledger, labels } = auditedBundle({ ...small, wrong: () => false });
    const frozen = labelsOf({ labels } as BundleParts);
    const rank = new Map(frozen.map(({ id }, i) => [id, i]));
    const order = drawOrder(
      protocol,
      seed.seed,
      frozen.map(({ id }) => id),
    );
    for (const start of [0, 1, 2]) {
      const desk = new Desk(protocol, order, {
        rankOf: (id) => rank.get(id) ?? null,
        labelOf: (at) => (frozen[at] as FrozenLabel).label,
      });
      const people = ['ada', 'bob', 'cy'];
      for (let i = start; desk.wanted.length > 0; i++) {
        const at = desk.wanted[(7919 * i) % desk.wanted.length] as number;
        const { id, label } = frozen[at] as FrozenLabel;
        // As task files have it: all three answer some of the same images.
        for (const by of i % 5 === 0 ? people : [people[i % 3] as string])
          desk.take({ id, verdict: label, by, at: '2026-02-03T04:05:06.000Z', seconds: 1 }, () => false);
      }
      const certificate = makeCertificate({
        protocol,
        seed,
        ledger,
        log: desk.log,
        judgement: desk.close(),
        labels: frozen.map(({ label }) => label),
        issuedAt: '2026-03-04T05:06:07.000Z',
        software: 'labelloop 0.2.0',
      });
      const { code, stderr } = await verify(
        await written({ certificate, protocol, seed, ledger, log: desk.log, labels }),
      );
      assert.equal(code, 0, stderr);
    }
  });

  it('checks the folder that it lies in, when it is given none', async () => {
    const dir = await written(auditedBundle({ labels: 100, epsilon: 0.1, cuts: [100] }));
    const run = await new Promise<number>((resolve) =>
      execFile(process.execPath, [path.join(dir, 'verify.mjs')], { cwd: os.tmpdir() }, (error) =>
        resolve(error === null ? 0 : Number(error.code)),
      ),
    );
    assert.equal(run, 0);
  });

  it('finds the evidence that the program found', async () => {
    for (const drawing of ['uniform', 'uncertainty'] as const) {
      const parts = auditedBundle({ ...small, drawing });
      const { protocol, seed } = parts;
      const ids = labelsOf(parts).map(({ id }) => id);
      const log = exportedLog(parts.log);
      const audit = new Map(
        log.flatMap(({ use, rank, verdict }) =>
          use === 'audit' ? [[rank as number, verdict === labelsOf(parts)[rank as number]?.label] as const] : [],
        ),
      );
      const expected = judge(protocol, drawOrder(protocol, seed.seed, ids), { audit, repaired: new Set() });
      const { stdout } = await verify(await written(parts));
      const found = [...stdout.matchAll(/evidence (\S+)/g)].map(([, value]) => Number.parseFloat(value as string));
      assert.equal(found.length, 2);
      // Products of some hundred factors, here of logarithms and there as they are: 1e-12 would do.
      found.forEach((value, i) =>
        assert.ok(Math.abs(value / (expected.cuts[i]?.evidence as number) - 1) < 1e-9, `${drawing}: ${value}`),
      );
    }
  });

  it("knows the looks' chance of a false certificate exactly", async () => {
    const parts = auditedBundle({ ...small, before: 0, looks, instrument: 'looks', epsilon: 0.08 });
    const cut = parts.protocol.cuts[0] as Cut;
    const program = falseCertificateProbability(cut.size, cut.most, cut.looks);
    const exact = enumerated(cut);
    assert.ok(Math.abs(program / exact - 1) < 1e-9, `${program}, exactly ${exact}`);
    // An alpha that this chance exceeds by a millionth: the refusal names it.
    const tight = reissued(parts, (each) => {
      each.protocol.alpha = exact * (1 - 1e-6);
    });
    const { stderr } = await verify(await written(tight));
    const said = Number(/probability ([\d.e-]+)/.exec(stderr)?.[1]);
    assert.ok(Math.abs(said / exact - 1) < 1e-9, stderr);
  });

  it('refuses a bundle in which any field of any file was changed, or any line', async () => {
    const dir = await written(auditedBundle(small));
    // What the signature says is in its two fields; a third says nothing, and nothing reads it.
    const mutants = [...mutations(dir)].filter(({ file, what }) => file !== 'signature.json' || what !== '.more');
    assert.ok(mutants.length > 300, `${mutants.length}`);
    await inParallel(mutants, async ({ file, what, text }) => {
      const copy = folder();
      fs.cpSync(dir, copy, { recursive: true });
      fs.writeFileSync(path.join(copy, file), text);
      assertRefused(await verify(copy, [], verifier), /./, `${file}: ${what}`);
    });
  });

  it('refuses a bundle without one of its files', async () => {
    const dir = await written(auditedBundle({ labels: 100, epsilon: 0.1, cuts: [100] }));
    for (const file of fs.readdirSync(dir).filter((name) => name !== 'verify.mjs')) {
      const copy = folder();
      fs.cpSync(dir, copy, { recursive: true });
      fs.rmSync(path.join(copy, file));
      assertRefused(await verify(copy), new RegExp(file), file);
    }
  });

  it('refuses another key than the published one, and takes that', async () => {
    const parts = auditedBundle({ labels: 100, epsilon: 0.1, cuts: [100] });
    const published = fingerprintOf(key.publicKey);
    assert.equal((await verify(await written(parts), [published])).code, 0);
    const other = await written(parts, createSigningKey().privateKey);
    assert.equal((await verify(other)).code, 0);
    assertRefused(await verify(other, [published]), /another key/, 'another key');
  });

  /** Somebody who has the key and computes all digests anew: what is left to find, and by what it is found. */
  const insider: [string, RegExp, (parts: Mutable) => void][] = [
    ['a label', /not certified.*has no answer/, ({ labels }) => void ((labels[3] as FrozenLabel).label ^= 1)],
    ['two ranks', /frozen label of rank|not certified/, ({ labels }) => {
      const [a, b] = [labels[5] as FrozenLabel, labels[130] as FrozenLabel];
      [a.id, b.id] = [b.id, a.id];
    }],
    ['an id that stands twice', /stands twice/, ({ labels }) => void ((labels[259] as FrozenLabel).id = (labels[258] as FrozenLabel).id)],
    ['a label less', /labels should be/, ({ labels }) => void labels.pop()],
    ['another nonce', /not certified.*has no answer/, ({ seed }) => void (seed.nonce += ' again')],
    ['a larger epsilon, with no other limits', /epsilon of it/, ({ protocol }) => void (protocol.epsilon = 0.2)],
    ['a larger limit', /epsilon of it/, ({ protocol }) => void ((protocol.cuts[1] as Cut).most += 5)],
    ['another epsilon in the certificate alone', /epsilon should be 0.1/, ({ certificate }) => void (certificate.epsilon = 0.02)],
    ['a claim of another size', /claim: size/, ({ certificate }) => void (certificate.claim.size = 180)],
    ['a claim of fewer errors', /claim: most/, ({ certificate }) => void (certificate.claim.most -= 1)],
    ['a bet above 1', /not a share/, ({ protocol }) => void (protocol.bets[0] = 1.5)],
    ['a cut into the repair', /between/, ({ protocol }) => void ((protocol.cuts[1] as Cut).size = 255)],
    ['a smaller budget', /over budget/, ({ protocol }) => void (protocol.budget = 20)],
    ['looks at weighted draws', /weighted looks/, ({ protocol }) => {
      protocol.instrument = 'looks';
      protocol.drawing = 'uncertainty';
    }],
    ['looks that allow too much', /certify falsely with probability/, ({ protocol }) => {
      protocol.instrument = 'looks';
      for (const cut of protocol.cuts) cut.looks = [{ answers: 60, allowed: 5 }];
    }],
    ['more alpha in an older line', /overspent/, ({ ledger }) => void ((ledger[0] as LedgerLine).alpha = 0.02)],
    ['more alpha for this audit', /line of this audit|this audit's line/, ({ ledger }) => void ((ledger[1] as LedgerLine).alpha = 0.03)],
    ['a ledger without the older audit', /ledger gap/, ({ ledger }) => void ledger.shift()],
    ['an audit that was opened after the nonce', /revealed before/, ({ ledger }) => void ((ledger[1] as LedgerLine).openedAt = '2027-01-01T00:00:00Z')],
    ['a commitment after the nonce', /revealed before/, ({ seed }) => void (seed.committedAt = '2027-01-01T00:00:00Z')],
    ['an answer that was taken out', /not certified.*has no answer/, ({ log }) => void log.splice(log.findIndex(({ use }) => use === 'audit') + 2, 1)],
    ['an answer of the repair that was taken out', /outside the committed order/, ({ log }) => void log.splice(0, 1)],
    ['a repair after the audit began', /outside the committed order/, ({ log }) => void log.push(...log.splice(0, 1))],
    ['an answer to an image of the repair', /outside the committed order/, ({ log, labels }) => {
      const line = log.find(({ use }) => use === 'audit') as AuditLine;
      const { id, rank } = labels[250] as FrozenLabel;
      Object.assign(line, { id, rank });
    }],
    ['an answer under another id', /frozen label of rank/, ({ log }) => void ((log.at(-1) as AuditLine).id += 'x')],
    ['an answer to another image than was drawn', /not certified.*has no answer/, ({ log, labels, order }) => {
      const [first, last] = [order[0] as number, order.at(-1) as number];
      for (const line of log) if (line.rank === first) Object.assign(line, { rank: last, id: labels[last]?.id });
    }],
    ['an answer that stands twice', /outside the committed order/, ({ log }) => {
      const i = log.findIndex(({ use }) => use === 'audit');
      log.splice(i, 0, { ...(log[i] as AuditLine) });
    }],
    ['a class that there is not', /no verdict/, ({ log }) => void ((log.at(-1) as AuditLine).verdict = 10)],
    ['a second answer of the same person', /outside the committed order/, ({ log }) => {
      for (const line of log) line.by = 'ada';
    }],
    ['more corrected mistakes', /corrected should be/, ({ certificate }) => void certificate.corrected++],
    ['more human labels', /human should be/, ({ certificate }) => void certificate.human++],
    ['more people', /people should be/, ({ certificate }) => void certificate.panel.people++],
    ['a better agreement', /agreement should be/, ({ certificate }) => void (certificate.panel.agreement = 0.99)],
    ['people in a dry run', /statement should be/, ({ protocol }) => void (protocol.panel.answersFrom = 'truth')],
    ['a protocol of one class, over labels of all', /rank or class/, ({ protocol }) => void (protocol.class = 'class 3')],
    ['a class in the certificate alone', /statement should be/, ({ certificate }) => void (certificate.class = 'class 3')],
    ['another run', /run should be/, ({ certificate }) => void (certificate.run = 'shells-2')],
    ['a later format', /format should be/, ({ protocol }) => void Object.assign(protocol, { format: 'labelloop.protocol/2' })],
  ]; // prettier-ignore
  it('refuses what somebody with the key changed and signed anew', async () => {
    const parts = auditedBundle(small);
    assert.equal((await verify(await written(reissued(parts, () => {})))).code, 0);
    await inParallel(insider, async ([what, reason, change]) => {
      assertRefused(await verify(await written(reissued(parts, change))), reason, what);
    });
  });

  it('refuses a certificate of one class that is shown as one of all, or of another class', async () => {
    const parts = auditedBundle({ ...small, class: 3 });
    assert.equal((await verify(await written(reissued(parts, () => {})))).code, 0);
    const shown = reissued(parts, ({ certificate }) => void delete certificate.class);
    assertRefused(await verify(await written(shown)), /statement should be .* of class "class 3" differ/, 'all');
    const other = reissued(parts, ({ labels }) => void ((labels[9] as FrozenLabel).label = 4));
    assertRefused(await verify(await written(other)), /labels\.jsonl:10: rank or class/, 'another');
  });

  it('takes what no file can show: an answer that is not true, and an older audit that was left out of the ledger', async () => {
    const parts = auditedBundle(small);
    const wrong = parts.log.findIndex(
      ({ use, rank, verdict }) => use === 'audit' && labelsOf(parts)[rank as number]?.label !== verdict,
    );
    const log = parts.log.map((line, i) =>
      i === wrong ? { ...line, verdict: labelsOf(parts)[line.rank as number]?.label as number } : line,
    );
    assert.equal((await verify(await written(reissued({ ...parts, log }, () => {}, { recount: true })))).code, 0);
    const cut = reissued(parts, ({ ledger, protocol, certificate }) => {
      ledger.shift();
      Object.assign(ledger[0] as LedgerLine, { audit: 1 });
      protocol.audit = 1;
      Object.assign(certificate, { audit: 1, id: 'shells-1.audit-1' });
    });
    assert.equal((await verify(await written(cut))).code, 0);
  });

  it('refuses a statement in other words', async () => {
    const parts = auditedBundle(small);
    const statement = parts.certificate.statement.replace('At most 24', 'At most 2');
    assert.notEqual(statement, parts.certificate.statement);
    const dir = await written({ ...parts, certificate: { ...parts.certificate, statement } });
    assertRefused(await verify(dir), /statement should be/, 'statement');
  });

  it('takes late answers and says which do not count, as a draw before them has none', async () => {
    const parts = auditedBundle({ ...small, cuts: [240], late: 4 });
    const { log } = parts;
    const last = log.findLastIndex(({ use }) => use === 'audit');
    const from = log.slice(0, last).findLastIndex(({ use }) => use === 'audit');
    const rest = [...log.slice(0, from), ...log.slice(from + 1)].filter(
      (line) => line.use !== 'second' || line.rank !== log[from]?.rank,
    );
    const { code, stdout, stderr } = await verify(
      await written(reissued({ ...parts, log: rest }, () => {}, { recount: true })),
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /has no answer: 1 later/);
  });
});
