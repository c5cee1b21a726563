import { ApplicationFailure } from '@temporalio/activity';
import type { StageActivities } from '../../src/contracts/activities.js';
import type { AuditLine } from '../../src/contracts/audit.js';
import { LabelloopError } from '../../src/contracts/errors.js';
import type { QuestionsAsked, QuestionsRefs, QuestionsTurn } from '../../src/contracts/questions.js';
import { QuestionsDesk, questionsWords } from '../../src/labelling/questions.js';
import { ref } from './script.js';

export type QuestionsActivities = Pick<
  StageActivities,
  'numberQuestions' | 'openQuestions' | 'recordQuestionAnswers' | 'answerQuestionsByTruth' | 'endQuestions'
>;

/** Images `q0`, `q1`, … */
const IMAGES = 1_000;

/** The questions' store, in memory: what is under test with it is the workflow. Answers are taken by the real desk. */
export class QuestionsScript {
  readonly calls: string[] = [];
  /** While set, answers are not taken down: as if the store were out. */
  held: Promise<void> | null = null;
  /** What the opening waits for. */
  heldOpening: Promise<void> | null = null;
  private readonly logs = new Map<string, AuditLine[]>();
  /** The last log by run: questions that were cancelled go on by it. */
  private readonly left = new Map<string, NonNullable<QuestionsRefs['log']>>();

  lines({ log }: QuestionsRefs): AuditLine[] {
    return (log && this.logs.get(log.sha256)) ?? [];
  }

  activities(): QuestionsActivities {
    const desk = ({ budget }: QuestionsAsked, refs: QuestionsRefs) =>
      new QuestionsDesk(
        2,
        Array.from({ length: IMAGES }, (_, i) => ({ id: `q${i}` })),
        budget,
        [...this.lines(refs)],
      );
    const turn = (
      { source, answers }: QuestionsAsked,
      refs: QuestionsRefs,
      at: ReturnType<typeof desk>,
    ): QuestionsTurn => {
      const [seen, answered, left] = [at.log.length, at.answered, at.wanted.length];
      const log = ref('audit-log/1', 5000 + this.logs.size);
      this.logs.set(log.sha256, [...at.log]);
      this.left.set(source.run, log);
      return { refs: { ...refs, log }, seen, answered, left, words: questionsWords({ answered, left, answers }) };
    };
    return {
      numberQuestions: async () => ({ number: 1 }),
      openQuestions: async ({ asked }) => {
        this.calls.push('open');
        await this.heldOpening;
        if (asked.seed === 13) throw ApplicationFailure.nonRetryable('there are no hidden labels', 'SETTINGS_INVALID');
        const refs = {
          questions: asked.questions ?? ref('questions/1', 9),
          log: this.left.get(asked.source.run) ?? null,
          labels: null,
        };
        return { turn: turn(asked, refs, desk(asked, refs)), ended: null };
      },
      recordQuestionAnswers: async ({ asked, refs, answers }) => {
        await this.held;
        this.calls.push(`record ${answers.map(({ id }) => id).join()}`);
        const at = desk(asked, refs);
        try {
          for (const answer of answers) at.take(answer);
        } catch (error) {
          if (error instanceof LabelloopError) throw ApplicationFailure.nonRetryable(error.message, error.code);
          throw error;
        }
        return turn(asked, refs, at);
      },
      answerQuestionsByTruth: async ({ asked, refs }) => {
        this.calls.push('truth');
        const at = desk(asked, refs);
        for (const { id } of at.wanted.slice(0, 100))
          at.take({ id, verdict: 1, by: 'hidden labels', at: '2026-01-01', seconds: 0 });
        return turn(asked, refs, at);
      },
      endQuestions: async ({ state, stopped }) => {
        this.calls.push(stopped ? 'end what is there' : 'end');
        return { ...state, refs: { ...state.refs, labels: ref('labels/2', 15) }, words: 'ended' };
      },
    };
  }
}
