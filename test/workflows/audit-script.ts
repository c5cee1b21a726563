import { ApplicationFailure } from '@temporalio/activity';
import type { NoticeActivities, StageActivities } from '../../src/contracts/activities.js';
import type { AuditTurn, FreezeOutput, RecordInput } from '../../src/contracts/audit-stages.js';
import { auditSettings } from '../../src/contracts/audit.js';
import type { AuditRefs, Protocol } from '../../src/contracts/audit.js';
import { LabelloopError } from '../../src/contracts/errors.js';
import { Desk } from '../../src/labelling/audit/desk.js';
import type { Notice } from '../../src/contracts/notice.js';
import type { StageResult } from '../../src/contracts/stages.js';
import { ref } from './script.js';
import type { AuditLine } from '../../src/contracts/audit.js';

const fresh = <T>(output: T): StageResult<T> => ({ output, key: 'k', cached: false, seconds: 1 });

export type AuditActivities = Pick<
  StageActivities,
  | 'numberAudit'
  | 'prepareAudit'
  | 'freeze'
  | 'openAudit'
  | 'drawAudit'
  | 'recordAnswers'
  | 'answerByTruth'
  | 'certify'
  | 'endAudit'
> &
  NoticeActivities;

/** 100 labels of class 1, `i0` to `i99`, to be certified by ten right answers: the first ten in rank are drawn first. */
const PROTOCOL = {
  labels: 100,
  classes: ['no', 'yes'],
  alpha: 0.05,
  instrument: 'looks',
  drawing: 'uniform',
  bets: [],
  cuts: [
    {
      size: 100,
      most: 30,
      looks: [
        { answers: 10, allowed: 0 },
        { answers: 20, allowed: 2 },
      ],
    },
  ],
  repair: { from: 100, count: 0 },
  budget: 40,
} as unknown as Protocol;

const FROZEN = {
  rankOf: (id: string) => (/^i\d+$/.test(id) ? Number(id.slice(1)) : null),
  labelOf: () => 1,
};

/**
 * An audit's store, in memory: what is under test with it is the workflow. Logs are kept by reference, as in the store, and
 * answers are judged by the real desk.
 */
export class AuditScript {
  readonly calls: string[] = [];
  /** What people were told. */
  readonly notices: Notice[] = [];
  /** While set, a notice is under way. */
  untold: Promise<void> | null = null;
  private readonly logs = new Map<string, AuditLine[]>();
  /** No plan would do. */
  hopeless = false;
  /** While set, answers are not taken down: as if the store were out. */
  held: Promise<void> | null = null;
  /** Logs of audits that were opened before, by what they were left with. */
  left: AuditRefs | null = null;

  lines(refs: AuditRefs | null | undefined): AuditLine[] {
    return (refs?.log && this.logs.get(refs.log.sha256)) ?? [];
  }

  activities(): AuditActivities {
    const note = (call: string): void => void this.calls.push(call);
    const turn = (refs: AuditRefs, desk: Desk): AuditTurn => {
      const judgement = desk.close();
      const log = ref('audit-log/1', 1000 + this.logs.size);
      this.logs.set(log.sha256, [...desk.log]);
      this.left = { ...refs, log };
      return {
        refs: this.left,
        seen: desk.log.length,
        judgement,
        phase: 'audit',
        words: `waits for ${desk.wanted.length} answers`,
      };
    };
    const desk = (refs: AuditRefs): Desk =>
      new Desk(
        PROTOCOL,
        Array.from({ length: 100 }, (_, i) => i),
        FROZEN,
        [...this.lines(refs)],
      );
    return {
      numberAudit: async () => ({ audit: 1 }),
      notify: async (notice) => {
        this.notices.push(notice);
        await this.untold;
        return [];
      },
      prepareAudit: async ({ settings }) => {
        note('prepare');
        const checked = auditSettings.safeParse(settings);
        if (!checked.success) throw ApplicationFailure.nonRetryable('bad settings', 'SETTINGS_INVALID');
        const round = {
          labels: ref('labels/2', 1),
          base: ref('labels/2', 1),
          pool: ref('posterior-set/1', 2),
          cutoff: ref('cutoff/2', 3),
          labelled: ref('posterior-set/1', 4),
          split: ref('split/2', 5),
        };
        return { settings: checked.data, round };
      },
      freeze: async (): Promise<StageResult<FreezeOutput>> => {
        note('freeze');
        return fresh({
          frozen: ref('frozen/1', 6),
          root: 'a'.repeat(64),
          labels: 100,
          positions: ref('positions/1', 7),
          scores: ref('scores/1', 8),
          questions: ref('questions/1', 9),
        });
      },
      openAudit: async ({ frozen }) => {
        note('open');
        if (this.hopeless) return { refs: null, outlook: null, words: 'Nobody is asked: it can not be certified.' };
        const refs: AuditRefs = this.left ?? {
          frozen: frozen.frozen ?? ref('frozen/1', 6),
          positions: frozen.positions,
          questions: frozen.questions,
          protocol: ref('protocol/1', 10),
          plan: ref('plan/1', 11),
          seed: null,
          order: null,
          log: null,
          ledger: null,
          certificate: null,
          labels: null,
        };
        const outlook = {
          instrument: 'looks' as const,
          repair: 0,
          size: 100,
          expected: 12,
          percentile90: 20,
          success: 0.9,
        };
        return { refs: { ...refs, order: null }, outlook, words: 'opened' };
      },
      drawAudit: async ({ refs, nonce }) => {
        note(`draw ${nonce ?? 'by program'}`);
        return turn({ ...refs, seed: ref('seed/1', 12), order: ref('draw-order/1', 13) }, desk(refs));
      },
      recordAnswers: async ({ refs, answers }: RecordInput) => {
        await this.held;
        note(`record ${answers.map(({ id }) => id).join()}`);
        const at = desk(refs);
        try {
          for (const answer of answers) at.take(answer, (id) => id.startsWith('open'));
        } catch (error) {
          if (error instanceof LabelloopError) throw ApplicationFailure.nonRetryable(error.message, error.code);
          throw error;
        }
        return turn(refs, at);
      },
      answerByTruth: async ({ refs }) => {
        note('truth');
        const at = desk(refs);
        for (const rank of [...at.wanted])
          at.take({ id: `i${rank}`, verdict: 1, by: 'hidden labels', at: '2026-01-01', seconds: 0 }, () => false);
        return turn(refs, at);
      },
      certify: async ({ refs, stopped }) => {
        note(stopped ? 'certify what is there' : 'certify');
        return fresh({
          refs: { ...refs, certificate: ref('certificate/1', 14), labels: ref('labels/2', 15) },
          certificate: 'run.audit-1',
          answers: this.lines(refs).length,
          pool: { labelled: 850, open: 140, outliers: 10 },
          words: 'certified',
        });
      },
      endAudit: async () => note('end'),
    };
  }
}
