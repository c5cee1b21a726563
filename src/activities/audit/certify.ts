import { certifyOutput } from '../../contracts/audit-stages.js';
import type { CertifyInput, CertifyOutput } from '../../contracts/audit-stages.js';
import type { AuditLine, Judgement, Protocol } from '../../contracts/audit.js';
import { correctLabel, firstVerdicts } from '../../labelling/audit/correct.js';
import { endedWords } from '../../labelling/audit/words.js';
import { jsonLines, makeCertificate } from '../../labelling/certificate/index.js';
import { stage } from '../stage.js';
import { openDesk } from './answers.js';
import { readFrozen, readProtocol, readSeed } from './books.js';
import type { FrozenLabels } from './books.js';
import { storeCorrected } from './corrected.js';
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
      const said = firstVerdicts(log);
      const corrected = await storeCorrected(store, input.labels, (row) =>
        correctLabel(row, said.get(row.id), frozen.rankOf(row.id), certificate, protocol.classes),
      );
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
