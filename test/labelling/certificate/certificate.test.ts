import assert from 'node:assert/strict';
import fc from 'fast-check';
import { certificate as schema } from '../../../src/contracts/audit.js';
import {
  agreementOf,
  appendToLedger,
  bundleFiles,
  checkLedger,
  claimAfter,
  createSigningKey,
  exportedLog,
  fingerprintOf,
  makeCertificate,
  sha256Of,
  signatureHolds,
  signCertificate,
  statementOf,
} from '../../../src/labelling/certificate/index.js';
import { auditedBundle, key } from './fixtures.js';
import type { AuditLine, LedgerLine, Verdict } from '../../../src/contracts/audit.js';

const pairLines = (pairs: readonly (readonly [Verdict, Verdict])[]): AuditLine[] =>
  pairs.flatMap(([first, second], rank) =>
    (['audit', 'second'] as const).map((use, i) => {
      const verdict = i === 0 ? first : second;
      return { seen: 2 * rank + i, use, rank, id: `${rank}`, verdict, by: `person ${i}`, at: '', seconds: 1 };
    }),
  );

describe('a certificate', () => {
  it('says in words and numbers what was certified', () => {
    const parts = auditedBundle({ labels: 900, epsilon: 0.05, cuts: [600, 800], repair: 50, double: 0.2 });
    const { certificate } = parts;
    schema.parse(certificate);
    assert.deepEqual(certificate.claim, { size: 800, most: 40 });
    assert.equal(
      certificate.statement,
      'At most 40 of these 800 machine labels differ from what the panel would say, with 95 % confidence. ' +
        'No assumption on data or model.',
    );
    assert.equal(certificate.id, 'shells-1.audit-1');
    assert.equal(certificate.human, 50);
    assert.equal(certificate.panel.people, 2);
    assert.equal(certificate.panel.agreement, 1);
    assert.equal(certificate.digests.audit, sha256Of(bundleFiles(parts, key.privateKey).get('audit.jsonl') as string));
  });

  it('says of a dry run that hidden labels answered', () => {
    const { certificate } = auditedBundle({ labels: 300, epsilon: 0.1, cuts: [300], answersFrom: 'truth' });
    assert.match(certificate.statement, /hidden labels say.*A dry run: hidden labels answered for people\.$/);
  });

  it('names the class that it is about, in words and as a field', () => {
    const { certificate } = auditedBundle({ labels: 300, epsilon: 0.1, cuts: [300], class: 4 });
    assert.equal(schema.parse(certificate).class, 'class 4');
    assert.match(certificate.statement, /^At most 30 of these 300 machine labels of class "class 4" differ from what/);
    const panel = { answersFrom: 'people', people: 1, agreement: null, doubled: 0 } as const;
    const named = statementOf({ claim: { size: 9, most: 0 }, totalAlpha: 0.1, panel, class: 'a" differ. None' });
    assert.match(named, /of class "a\\" differ\. None" differ from what/);
  });

  it('groups thousands and has no dust in its confidence', () => {
    const panel = { answersFrom: 'people', people: 1, agreement: null, doubled: 0 } as const;
    assert.match(
      statementOf({ claim: { size: 1234567, most: 24691 }, totalAlpha: 0.1, panel }),
      /^At most 24,691 of these 1,234,567 .* with 90 % confidence/,
    );
    assert.match(statementOf({ claim: { size: 10, most: 0 }, totalAlpha: 0.001, panel }), /99\.9 % confidence/);
  });

  it('counts the mistakes that were found as corrected, and leaves the questions of the run out', () => {
    const wrong = (rank: number) => rank % 40 === 7;
    const { certificate, log } = auditedBundle({ labels: 800, wrong, epsilon: 0.1, cuts: [800] });
    const found = new Set(log.flatMap(({ use, rank }) => (use === 'audit' && wrong(rank as number) ? [rank] : [])));
    assert.ok(found.size > 0);
    assert.equal(certificate.corrected, found.size);
    assert.equal(log[0]?.use, 'question');
    assert.deepEqual(
      exportedLog(log).map(({ seen }) => seen),
      log.slice(1).map((_, i) => i),
    );
  });

  it('is refused to an audit that certified nothing, to parts that were mixed, and to a claim that is known to be false', () => {
    const { certificate: issued, ...parts } = auditedBundle({ labels: 300, epsilon: 0.1, cuts: [300] });
    const { issuedAt, software } = issued;
    const labels = new Array<number>(300).fill(-1);
    const judgement = {
      cuts: [],
      certified: 0,
      outcome: 'certified',
      answers: { repair: 0, audit: 0, left: 0 },
    } as const;
    const given = { ...parts, labels, judgement: { ...judgement, cuts: [] }, issuedAt, software };
    const code = (code: string) => ({ name: 'LabelloopError', code });
    assert.throws(
      () => makeCertificate({ ...given, judgement: { ...given.judgement, certified: null } }),
      code('AUDIT_INVALID'),
    );
    assert.throws(
      () => makeCertificate({ ...given, protocol: { ...given.protocol, budget: 7 } }),
      code('CERTIFICATE_INVALID'),
    );
    assert.throws(() => makeCertificate({ ...given, ledger: [] }), code('CERTIFICATE_INVALID'));
    // No label is what people said: all that were audited are wrong.
    const log = parts.log.filter(({ use }) => use === 'audit');
    const many = log.concat(...Array.from({ length: 30 - log.length }, () => log));
    assert.throws(() => makeCertificate({ ...given, log: many }), /more than the 30/);
  });

  it('decays by what was changed and added, and by nothing that left', () => {
    const issued = { claim: { size: 1000, most: 20 }, corrected: 3 };
    assert.deepEqual(claimAfter(issued, { changed: 0, added: 0, revoked: 0 }, 0), { size: 1000, most: 17 });
    assert.deepEqual(claimAfter(issued, { changed: 5, added: 100, revoked: 40 }, 0), { size: 1060, most: 122 });
    assert.deepEqual(claimAfter(issued, { changed: 0, added: 0, revoked: 990 }, 0), { size: 10, most: 10 });
    // Two of the three mistakes were images that nobody could tell: they have no label any more.
    assert.deepEqual(claimAfter(issued, { changed: 0, added: 0, revoked: 0 }, 2), { size: 998, most: 17 });
  });

  it('never claims too little after any changes', () => {
    // A population with at most `most` wrong labels, and the worst that changes can do to it.
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.nat(200),
        fc.nat(50),
        fc.nat(50),
        fc.nat(200),
        fc.nat(20),
        (size, most, changed, added, revoked, withdrawn) => {
          fc.pre(most <= size && withdrawn <= most && changed + revoked + withdrawn <= size);
          // What people withdrew were mistakes that the audit found; all that left later was right.
          const left = size - withdrawn - revoked;
          const rightOnes = Math.max(0, size - most - revoked);
          const worst = left - rightOnes + Math.min(changed, rightOnes) + added;
          const issued = { claim: { size, most }, corrected: withdrawn };
          const holds = claimAfter(issued, { changed, added, revoked }, withdrawn);
          assert.ok(worst <= holds.most && holds.size === size - withdrawn + added - revoked);
        },
      ),
    );
  });
});

describe("Cohen's kappa", () => {
  it('is that of the table by hand', () => {
    // 50 images: 20 both yes, 15 both no, 5 and 10 apart. p_o = .7, p_e = .5: kappa = .4.
    const times = (n: number, pair: readonly [Verdict, Verdict]) => new Array<typeof pair>(n).fill(pair);
    const log = pairLines([...times(20, [1, 1]), ...times(5, [1, 0]), ...times(10, [0, 1]), ...times(15, [0, 0])]);
    const { agreement, doubled } = agreementOf(log);
    assert.ok(Math.abs((agreement as number) - 0.4) < 1e-15);
    assert.equal(doubled, 50);
  });

  it('is 1 where all agree, null where nobody answered twice, and takes "unsure" for a class', () => {
    assert.deepEqual(agreementOf(pairLines([[3, 3]])), { agreement: 1, doubled: 1 });
    assert.deepEqual(agreementOf(pairLines([[3, 3]]).slice(0, 1)), { agreement: null, doubled: 0 });
    assert.ok((agreementOf(pairLines([['unsure', 'none'], [1, 1]])).agreement as number) < 1); // prettier-ignore
  });
});

describe('the ledger', () => {
  const line = (i: number, alpha: number) => ({ protocol: sha256Of(`${i}`), alpha, openedAt: '2026-01-01T00:00:00Z' });
  const series = [0.025, 0.05 / 6, 0.05 / 12].reduce<LedgerLine[]>(
    (ledger, alpha, i) => appendToLedger(ledger, line(i, alpha), 0.05),
    [],
  );

  it('chains its lines', () => {
    assert.equal(series[0]?.before, '0'.repeat(64));
    assert.deepEqual(
      series.map(({ audit }) => audit),
      [1, 2, 3],
    );
    checkLedger(series, 0.05);
  });

  it('is refused when a line was changed, taken out, or put elsewhere', () => {
    const [a, b, c] = series as [LedgerLine, LedgerLine, LedgerLine];
    for (const broken of [
      [{ ...a, alpha: 0.02 }, b, c],
      [a, c],
      [b, a, c],
      [a, b, { ...c, audit: 4 }],
    ])
      assert.throws(() => checkLedger(broken, 0.05), { code: 'CERTIFICATE_INVALID' });
  });

  it('opens nothing beyond its alpha, but spends it to the last bit', () => {
    assert.throws(() => appendToLedger(series, line(3, 0.02), 0.05), { code: 'AUDIT_INVALID' });
    const tenths = Array.from({ length: 10 }, (_, i) => i).reduce<LedgerLine[]>(
      (ledger, i) => appendToLedger(ledger, line(i, 0.01), 0.1),
      [],
    );
    assert.equal(tenths.length, 10);
    assert.throws(() => appendToLedger(tenths, line(10, 1e-6), 0.1), { code: 'AUDIT_INVALID' });
  });
});

describe('the signature', () => {
  const { certificate } = auditedBundle({ labels: 200, epsilon: 0.1, cuts: [200] });

  it('holds for its certificate alone', () => {
    const signature = signCertificate(certificate, key.privateKey);
    assert.ok(signatureHolds(certificate, signature));
    assert.equal(signature.publicKey, key.publicKey);
    assert.ok(!signatureHolds({ ...certificate, corrected: certificate.corrected + 1 }, signature));
    assert.ok(!signatureHolds(certificate, { ...signature, publicKey: createSigningKey().publicKey }));
    assert.match(fingerprintOf(signature.publicKey), /^[0-9a-f]{64}$/);
  });

  it('is not made with anything but an Ed25519 key', () => {
    for (const wrong of ['', key.publicKey, 'secret'])
      assert.throws(() => signCertificate(certificate, wrong), { code: 'CERTIFICATE_INVALID' });
  });
});
