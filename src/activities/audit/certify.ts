import { certifyOutput } from '../../contracts/audit-stages.js';
import type { CertifyInput, CertifyOutput } from '../../contracts/audit-stages.js';
import type { AuditLine, Certificate, Judgement, PoolCounts, Protocol } from '../../contracts/audit.js';
import type { Ref } from '../../contracts/references.js';
import type { LabelRow } from '../../contracts/tables.js';
import { correctLabel, firstVerdicts } from '../../labelling/audit/correct.js';
import { endedWords } from '../../labelling/audit/words.js';
import { jsonLines, makeCertificate } from '../../labelling/certificate/index.js';
import { readRows, tables } from '../../store/index.js';
import type { Store } from '../../store/index.js';
import { storeTable } from '../outputs.js';
import { stage } from '../stage.js';
import { openDesk } from './answers.js';
import { readFrozen, readProtocol, readSeed } from './books.js';
import type { FrozenLabels } from './books.js';
import { readLedger } from './ledger.js';
import { SOFTWARE } from './software.js';

/** Ends an audit: issues the certificate where something is certified, and puts what people said into the labels. */
export const certify = stage<CertifyInput, CertifyOutput>(
  'certify',
  2,
  certifyOutput,
  async (input, { store, beating }) =>
    beating(async () => {
      const { refs, stopped } = input;
      const protocol = await readProtocol(store, refs);
      if (refs.order === null || refs.seed === null)
        return {
          refs,
          certificate: null,
          answers: 0,
          pool: null,
          words: 'Stopped before the draw: nothing was asked, and nothing is certified.',
        };
      const desk = await openDesk(store, refs, protocol);
      const { judgement, log } = desk;
      const frozen = await readFrozen(store, refs.frozen);
      // As it stood when the certificate was issued: later audits add lines to the run's.
      const ledger = (await readLedger(store, input.run)).slice(0, input.audit);
      const refuted = refutation(protocol, judgement, log, frozen);
      const certificate =
        judgement.certified === null || refuted !== null
          ? null
          : makeCertificate({
              protocol,
              seed: await readSeed(store, refs.seed),
              log,
              ledger,
              judgement,
              labels: frozen.labels,
              issuedAt: new Date().toISOString(),
              software: SOFTWARE,
            });
      const corrected = await storeCorrected(store, input, log, certificate, protocol.classes);
      const ended = refuted ?? endedWords(protocol, judgement, stopped);
      return {
        refs: {
          ...refs,
          ledger: await store.putBytes('ledger/1', Buffer.from(jsonLines(ledger))),
          certificate: certificate && (await store.putJson('certificate/1', certificate)),
          labels: corrected.labels,
        },
        certificate: certificate?.id ?? null,
        answers: log.length,
        pool: corrected.pool,
        words: certificate ? `${certificate.statement} ${ended}` : ended,
      };
    }),
);

/** The one case in twenty: a claim passed its test, and more mistakes than it allows were found beside it. */
function refutation(
  { cuts }: Protocol,
  { certified }: Judgement,
  log: readonly AuditLine[],
  frozen: FrozenLabels,
): string | null {
  const cut = certified === null ? undefined : cuts[certified];
  if (cut === undefined) return null;
  const wrong = log.filter(
    ({ use, rank, verdict }) =>
      (use === 'audit' || use === 'repair') && rank !== null && rank < cut.size && verdict !== frozen.labelOf(rank),
  ).length;
  return wrong <= cut.most
    ? null
    : `Nothing is certified: ${wrong} of the ${cut.size} labels were found wrong, more than the ${cut.most} that the claim allows, though the test of it passed. The answers are kept as labels.`;
}

const COUNTED_AS = { accepted: 'labelled', open: 'open', outlier: 'outliers' } as const;

async function storeCorrected(
  store: Store,
  { labels, refs }: CertifyInput,
  log: readonly AuditLine[],
  certificate: Certificate | null,
  classes: readonly string[],
): Promise<{ labels: Ref; pool: PoolCounts }> {
  const frozen = await readFrozen(store, refs.frozen);
  const said = firstVerdicts(log);
  const pool: PoolCounts = { labelled: 0, open: 0, outliers: 0 };
  const corrected = async function* (): AsyncGenerator<LabelRow> {
    for await (const row of readRows(tables.labels, await store.fetch(labels))) {
      const after = correctLabel(row, said.get(row.id), frozen.rankOf(row.id), certificate, classes);
      pool[COUNTED_AS[after.status]]++;
      yield after;
    }
  };
  return { labels: await storeTable(store, 'labels/2', tables.labels, corrected()), pool };
}
