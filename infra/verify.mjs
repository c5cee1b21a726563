// Checks a certificate's bundle offline, with Node 20 or newer alone: node DIR/verify.mjs DIR [FINGERPRINT of the signer's key].
// Exits 1 with the reason if anything does not hold. Proofs: docs/certificate.md. Shares no code with what made the bundle.
import { createHash, createPublicKey, verify as signed } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const [, verifier, dir = path.dirname(verifier), published] = process.argv;
const refuse = (reason) => process.exit(console.error(`REFUSED: ${reason.replace(/\s+/g, ' ')}`) ?? 1);
const must = (hold, reason) => hold || refuse(reason);
const same = (place, got, follows) =>
  Object.keys(follows).forEach((key) => must(got[key] === follows[key], `${place}: ${key} should be ${follows[key]}`));
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const hex = (...parts) => sha256(...parts).toString('hex');
const digest = (file) => hex(fs.readFileSync(path.join(dir, file)));
const words = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
const whole = (n) => Number.isSafeInteger(n) && n >= 0;
const share = (n) => typeof n === 'number' && n > 0 && n < 1;
process.on('uncaughtException', ({ message }) => refuse(message));
/** Canonical JSON (RFC 8785) of values whose keys are words: sorted keys and no blanks, so that a value has one digest. */
const canonical = (value) =>
  JSON.stringify(value, (_, v) => (v?.constructor === Object ? Object.fromEntries(Object.entries(v).sort()) : v));
/** The values of a file's lines; a .json file is one line that nothing ends. */
function read(file) {
  const lines = fs.readFileSync(path.join(dir, file), 'utf8').split('\n');
  must(file.endsWith('l') ? lines.pop() === '' : lines.length === 1, `${file} is cut off, or is more than a line`);
  const values = lines.map((line) => JSON.parse(line));
  values.forEach((value, i) => must(canonical(value) === lines[i], `${file}:${i + 1} is not canonical JSON`));
  if (!file.endsWith('l')) same(file, values[0], { format: `labelloop.${path.parse(file).name}/1` });
  return values;
}

/** Root of the Merkle tree (RFC 6962): its left part has the largest power of two below the number of leaves. */
function merkleRoot(leaves) {
  if (leaves.length === 1) return leaves[0];
  const left = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return sha256('\x01', merkleRoot(leaves.slice(0, left)), merkleRoot(leaves.slice(left)));
}

/** A rank is drawn 2^b times as often as others: b = 0; with drawing `uncertainty`, b up to 4 for the last 4^-b of the labels. */
const bandOf = ({ drawing, labels }, rank) =>
  drawing === 'uniform' ? 0 : [1, 2, 3, 4].filter((b) => rank >= labels - Math.floor(labels / 4 ** b)).length;
/** Ranks in draw order: by SHA-256(seed:id); weighted, by an exponential clock made of it that runs 2^b times as fast. */
function drawOrder(protocol, seed, ids) {
  const hashes = ids.map((id) => hex(`${seed}:${id}`));
  const clock = (hash) => -Math.log((parseInt(hash.slice(0, 13), 16) + 0.5) / 2 ** 52);
  const clocks = hashes.map((hash, i) => (protocol.drawing === 'uniform' ? 0 : clock(hash) / 2 ** bandOf(protocol, i)));
  return [...hashes.keys()].sort((a, b) => clocks[a] - clocks[b] || (hashes[a] < hashes[b] ? -1 : 1));
}

/** Betting: the greatest evidence so far against "more than `most` of the `size` labels are wrong". If they are, it is a nonnegative
    supermartingale from 1 on, and ever reaches 1 / alpha with probability alpha at most (Ville). answers: in draw order. */
function evidence(protocol, { size, most }, answers) {
  const left = [0, 0, 0, 0, 0]; // labels that are not drawn yet, by b
  for (let rank = 0; rank < size; rank++) left[bandOf(protocol, rank)]++;
  let [wealth, greatest, needed] = [protocol.bets.map(() => 1), 1, most + 1]; // needed: wrong ones left, if so many are
  for (const [i, { rank, wrong }] of answers.entries()) {
    const total = left.reduce((sum, n, b) => sum + n * 2 ** b);
    const largest = total / 2 ** left.findIndex((n) => n > 0);
    const estimate = wrong ? total / 2 ** bandOf(protocol, rank) : 0; // its mean is the number of wrong labels left
    const gain = largest > needed ? (needed - estimate) / (largest - needed) : 0;
    left[bandOf(protocol, rank)]--;
    if (wrong && --needed === 0) break; // more than `most` were found wrong
    if (needed > size - i - 1) return Infinity; // more than there are left: the hypothesis is impossible
    wealth = wealth.map((each, bet) => each * (1 + protocol.bets[bet] * gain));
    greatest = Math.max(greatest, wealth.reduce((sum, each) => sum + each) / wealth.length);
  }
  return greatest;
}

/** Looks: P(one of them certifies | most + 1 labels are wrong), exactly: one draw after the other, without replacement. */
function falseCertificate({ size, most, looks }) {
  const chance = new Float64Array(Math.max(0, ...looks.map(({ allowed }) => allowed + 1))).fill(1, 0, 1);
  const isWrong = (w) => Math.min(1, (most + 1 - w) / (size - drawn)); // the next one, after w wrong ones
  let [drawn, certified] = [0, 0]; // and chance[w]: of w wrong ones so far and no certificate
  for (const { answers, allowed } of looks) {
    for (; drawn < answers; drawn++)
      for (let w = chance.length - 1; w >= 0; w--)
        chance[w] = chance[w] * (1 - isWrong(w)) + (w > 0 ? chance[w - 1] * isWrong(w - 1) : 0);
    for (let w = 0; w <= allowed; w++) [certified, chance[w]] = [certified + chance[w], 0];
  }
  return certified;
}

// What was signed, and by whom.
const files = ['certificate.json', 'protocol.json', 'seed.json', 'signature.json'];
const [certificate, protocol, seed, signature] = files.map((file) => read(file)[0]);
const [key, bytes] = [createPublicKey(signature.publicKey), Buffer.from(signature.signature, 'base64')];
const [pem, der] = ['pem', 'der'].map((format) => key.export({ type: 'spki', format }));
same('bad signature', signature, { publicKey: pem, signature: bytes.toString('base64') });
must(signed(null, Buffer.from(canonical(certificate)), key, bytes), 'bad signature of certificate.json');
must([undefined, hex(der)].includes(published), `bad signature: it is by another key, ${hex(der)}`);
const digests = { protocol: digest('protocol.json'), seed: digest('seed.json'), audit: digest('audit.jsonl') };
same('other files were signed', certificate.digests, { ...digests, ledger: digest('ledger.jsonl') });

// The frozen labels.
const labels = read('labels.jsonl');
const known = (label) => whole(label) && label < protocol.classes.length;
const own = (label) => known(label) && [undefined, protocol.classes[label]].includes(protocol.class);
labels.forEach(({ rank, label }, i) => must(rank === i && own(label), `labels.jsonl:${i + 1}: rank or class`));
const ids = labels.map(({ id }) => id);
must(new Set(ids).size === ids.length, 'an id stands twice in labels.jsonl');
const root = merkleRoot(labels.map((label) => sha256('\0', canonical(label)))).toString('hex');
same('root mismatch, other labels were frozen', protocol, { root, labels: labels.length });

// The protocol: whether it can be tested so.
const { cuts, repair, alpha, totalAlpha, epsilon, instrument, drawing, bets, budget } = protocol;
must([epsilon, alpha, totalAlpha, ...bets].every(share), 'epsilon, alpha or a bet of the protocol is not a share');
must(instrument === 'betting' ? bets.length > 0 : drawing === 'uniform', 'the protocol has no bets, or weighted looks');
must(repair.from + repair.count <= labels.length && whole(repair.count), 'the protocol repairs what is not there');
cuts.forEach(({ size, most, looks }, i) => {
  const [place, before] = [`cut ${i + 1}`, cuts[i - 1]?.size ?? 0];
  must(whole(size) && size > before && size <= repair.from, `${place} is not between the one before and the repair`);
  same(`${place}, epsilon of it`, { most }, { most: Math.floor(epsilon * size) });
  const ascends = ({ answers: n }, j) => whole(n) && n > (looks[j - 1]?.answers ?? 0) && n <= size;
  must(looks.every(ascends) && looks.every(({ allowed }) => allowed <= most), `${place} has a look that is not in it`);
  const risk = falseCertificate(cuts[i]);
  must(risk <= alpha * (1 + 1e-9), `${place}: its looks certify falsely with probability ${risk}, above alpha`);
});

// Commitment, ledger, nonce, seed.
const ledger = read('ledger.jsonl');
same('seed.json', seed, { commitment: hex(canonical(protocol)), seed: hex(root, seed.nonce) });
const before = (i) => (i === 0 ? '0'.repeat(64) : hex(canonical(ledger[i - 1])));
ledger.forEach((line, i) => same(`ledger gap, line ${i + 1}`, line, { audit: i + 1, before: before(i) }));
const opened = ledger[protocol.audit - 1] ?? {};
same("ledger, this audit's line", opened, { protocol: seed.commitment, alpha });
const spent = ledger.reduce((sum, line) => sum + (share(line.alpha) ? line.alpha : NaN), 0);
must(spent <= totalAlpha * (1 + 1e-12), `overspent: the opened audits have ${spent} of an alpha of ${totalAlpha}`);
const early = [opened.openedAt, seed.committedAt].every((at) => Date.parse(at) <= Date.parse(seed.revealedAt));
must(early, 'the nonce was revealed before the protocol was committed to and the audit opened');

// The answers, by rank: each to a frozen label, in its turn.
const answers = read('audit.jsonl');
const [first, second] = [new Map(), new Map()];
answers.forEach(({ seen, use, rank, id, by, verdict }, i) => {
  const [place, given] = [`audit.jsonl:${i + 1}`, use === 'second' ? second : first];
  const toRepair = rank >= repair.from && rank < repair.from + repair.count;
  const toAudit = rank < cuts.at(-1).size && first.size >= repair.count;
  const inTurn = { repair: toRepair, audit: toAudit, second: (first.get(rank)?.by ?? by) !== by };
  same(`${place}, a line is missing before it`, { seen }, { seen: i });
  same(`${place}, the frozen label of rank ${rank}`, { id }, { id: labels[rank]?.id });
  must(whole(rank) && (known(verdict) || ['unsure', 'none'].includes(verdict)), `${place}: no verdict ${verdict}`);
  must(inTurn[use] === true && !given.has(rank), `${place}: rank ${rank} (${use}) is outside the committed order`);
  given.set(rank, { by, verdict, wrong: verdict !== labels[rank].label });
});
must(first.size >= repair.count && first.size <= budget, `${first.size} answers: not all repaired, or over budget`);

// The tests, in their fixed sequence. What counts for a cut: its labels in draw order, up to the first without an answer.
const { claim, panel } = certificate;
const order = drawOrder(protocol, seed.seed, ids.slice(0, cuts.at(-1).size));
let certified = null;
for (const cut of cuts) {
  const ranks = order.filter((rank) => rank < cut.size);
  const gap = [...ranks, -1].findIndex((rank) => !first.has(rank));
  const counted = ranks.slice(0, gap).map((rank) => ({ rank, wrong: first.get(rank).wrong }));
  const wrong = (n) => counted.slice(0, n).filter((answer) => answer.wrong).length;
  const value = instrument === 'betting' ? evidence(protocol, cut, counted) : null;
  const passes = ({ answers: n, allowed }) => n <= gap && wrong(n) <= allowed;
  const later = ranks.slice(gap).filter((rank) => first.has(rank)).length;
  const skipped =
    later > 0 ? `; draw ${gap + 1} (rank ${ranks[gap]}) has no answer: ${later} later ones don't count` : '';
  const result = `${words(cut.size)} labels, ${wrong(gap)} of ${gap} wrong in draw order, evidence ${value ?? 'by looks'}${skipped}`;
  const passed = value === null ? cut.looks.some(passes) : value >= (1 - 1e-9) / alpha;
  must(passed || cut.size > claim.size, `not certified: ${result}`);
  if (!passed) break;
  console.log(`certified: ${result}`);
  certified = cut;
}

// The certificate says what follows, and nothing else.
same('claim', claim, { size: certified?.size, most: certified?.most });
const corrected = [...first].filter(([rank, { wrong }]) => rank < claim.size && wrong).length;
must(corrected <= claim.most, `the claim is not true: ${corrected} labels were found wrong`);
const human = [...first].filter(([rank, { verdict }]) => rank >= claim.size && whole(verdict)).length;
const pairs = [...second].map(([rank, { verdict }]) => [first.get(rank).verdict, verdict]);
const [n, agreed] = [pairs.length, pairs.filter(([a, b]) => a === b).length];
const chance = pairs.reduce((sum, [a]) => sum + pairs.filter(([, b]) => a === b).length, 0);
const agreement = n === 0 ? null : n * n === chance ? 1 : (n * agreed - chance) / (n * n - chance); // Cohen's kappa
const { run, dataset, audit, panel: committed, class: only } = protocol;
const [people, dry] = [new Set(answers.map(({ by }) => by)).size, committed.answersFrom !== 'people'];
const which = only === undefined ? '' : `of class ${JSON.stringify(only)} `;
const statement =
  `At most ${words(claim.most)} of these ${words(claim.size)} machine labels ${which}differ from what ` +
  `${dry ? 'the hidden labels' : 'the panel would'} say, with ${Number((100 * (1 - totalAlpha)).toPrecision(10))} % confidence. ` +
  `No assumption on data or model.${dry ? ' A dry run: hidden labels answered for people.' : ''}`;
const said = { grade: 'A', id: `${run}.audit-${audit}`, statement, corrected, human, class: only };
same('certificate.json', certificate, { ...said, run, dataset, audit, root, epsilon, alpha, totalAlpha });
same('panel', panel, { people, doubled: second.size, answersFrom: committed.answersFrom, agreement });
console.log(`
CERTIFIED: ${statement}
Mistakes that were found and corrected: ${corrected}; so at most ${words(claim.most - corrected)} are left. Opened audits of this run: ${ledger.length};
they spent ${spent} of an alpha of ${totalAlpha}. Signed by the key with fingerprint ${hex(der)}.

What no file can show, so that you must ask or believe it:
- that the people looked, and answered honestly, without the machine's label before them;
- that nobody who chose labels or protocol knew the nonce when they were committed to;
- that an image is the one of its id: ask for some images and compare their digests;
- that the ledger has all audits of the run: whoever made the bundle could have cut it and signed anew;
- whose key it is: compare its fingerprint with the one that the signer publishes, and take verify.mjs from Labelloop itself.`);
