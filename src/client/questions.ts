import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { dueFile } from '../contracts/audit-stages.js';
import type { Answer } from '../contracts/audit.js';
import { LabelloopError } from '../contracts/errors.js';
import {
  QUERY_QUESTIONS,
  QUESTIONS_WORKFLOW_TYPE,
  questionsWorkflowId,
  TASK_QUEUE,
  UPDATE_ANSWER,
  UPDATE_STOP,
} from '../contracts/names.js';
import {
  MOST_QUESTIONS,
  openedQuestions,
  questionsPaths,
  questionsProgress,
  questionsState,
} from '../contracts/questions.js';
import type { OpenedQuestions, QuestionsInput, QuestionsState } from '../contracts/questions.js';
import type { Store } from '../store/index.js';
import { AskingWorkflows } from './asking.js';
import { clientErrors } from './errors.js';
import { nextFor } from './queue.js';
import type { Asked } from './queue.js';

/** The questions of runs, asked without an audit: where they stand, and the messages that steer them. */
export class RunQuestions {
  private readonly workflows: AskingWorkflows<QuestionsState>;

  constructor(
    private readonly client: Client,
    private readonly store: Store,
  ) {
    this.workflows = new AskingWorkflows(client, QUESTIONS_WORKFLOW_TYPE, QUERY_QUESTIONS);
  }

  /** A run's last questions; null where nobody was ever asked. */
  async find(run: string): Promise<QuestionsState | null> {
    const opened = await this.opened(run);
    // Those that are being chosen, or had nothing to choose, have no place in the store yet; what failed so is in nobody's way.
    const next = await this.look(run, opened + 1).catch((error: unknown) => {
      if (error instanceof LabelloopError) return null;
      throw error;
    });
    return next ?? (opened > 0 ? this.look(run, opened) : null);
  }

  /** Those that wait for people; null where none do. */
  async open(run: string): Promise<QuestionsState | null> {
    const last = await this.find(run);
    return last?.phase === 'questions' ? last : null;
  }

  /**
   * Starts them; or has those that are about the same labels and have not ended go on.
   *
   * @param input.budget null: that of those that go on, or all that there is to ask
   * @throws STACK_UNAVAILABLE where no worker is up
   */
  async start(input: Omit<QuestionsInput, 'number' | 'budget'> & { budget: number | null }): Promise<QuestionsState> {
    const { run } = input.source;
    const opened = await this.opened(run);
    const last = await this.unended(run, opened);
    const goesOn = last?.labels.sha256 === input.labels.sha256 ? last : null;
    const number = goesOn ? opened : opened + 1;
    const { questions, answers } = goesOn ?? input;
    const budget = input.budget ?? goesOn?.budget ?? MOST_QUESTIONS;
    const started: QuestionsInput = { ...input, number, questions, answers, budget };
    try {
      await this.client.workflow.start(QUESTIONS_WORKFLOW_TYPE, {
        taskQueue: TASK_QUEUE,
        workflowId: questionsWorkflowId(run, number),
        args: [started],
        staticSummary: `Questions ${number} of ${run}`,
      });
    } catch (error) {
      // They are open; or somebody else starts them at this moment.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    return this.chosen(run, number);
  }

  answer(state: QuestionsState, answers: readonly Answer[]): Promise<QuestionsState> {
    return this.tell(state, UPDATE_ANSWER, [{ answers }]);
  }

  /** Ends them, and waits until what people said is in the labels. */
  async stop(state: QuestionsState): Promise<QuestionsState> {
    const id = questionsWorkflowId(state.run, state.number);
    const running = await this.workflows.isRunning(id);
    if (!running) return state;
    await this.tell(state, UPDATE_STOP, []);
    return (await this.client.workflow.getHandle(id).result()) as QuestionsState;
  }

  /** The next images for one person. */
  async next({ run, number, answers }: QuestionsState, by: string, limit: number): Promise<Asked[]> {
    if (answers !== 'people') return [];
    const due = await this.store.getPointer(questionsPaths.due(run, number), dueFile);
    return due ? nextFor(by, limit, due) : [];
  }

  private async opened(run: string): Promise<number> {
    return (await this.store.listPointers(questionsPaths.all(run))).length;
  }

  private async unended(run: string, number: number): Promise<OpenedQuestions | null> {
    if (number === 0 || (await this.store.getPointer(questionsPaths.ended(run, number), questionsState))) return null;
    return this.store.getPointer(questionsPaths.opened(run, number), openedQuestions);
  }

  /** Waits until it is known what is asked: a pass over the labels. */
  private async chosen(run: string, number: number): Promise<QuestionsState> {
    for (;;) {
      const state = await this.look(run, number);
      if (state?.phase === 'done' || state?.refs.questions) return state;
      if (state === null) throw clientErrors.noWorker(run);
      await new Promise((resolve) => setTimeout(resolve, CHOSEN_MS));
    }
  }

  private async look(run: string, number: number): Promise<QuestionsState | null> {
    const standing = await this.workflows.standing(questionsWorkflowId(run, number));
    switch (standing.is) {
      case 'completed':
        return standing.state;
      case 'running':
        return standing.state ?? this.resting(run, number, 'no worker answers for them');
      case 'failed': {
        const resting = await this.resting(run, number, `they failed: ${standing.failure?.message ?? ''}`);
        if (resting === null && standing.failure) throw clientErrors.failed(standing.failure);
        return resting;
      }
      case 'cancelled':
        return this.resting(run, number, `they were cancelled; 'labelloop review ${run}' goes on with them`);
      default:
        return this.resting(run, number, 'their workflow is forgotten');
    }
  }

  /** Questions that nobody answers for, from what they left in the store. */
  private async resting(run: string, number: number, why: string): Promise<QuestionsState | null> {
    const ended = await this.store.getPointer(questionsPaths.ended(run, number), questionsState);
    if (ended) return ended;
    const opened = await this.store.getPointer(questionsPaths.opened(run, number), openedQuestions);
    if (!opened) return null;
    const progress = await this.store.getPointer(questionsPaths.log(run, number), questionsProgress);
    const { budget, answers, questions } = opened;
    const { seen, answered, left, log } = progress ?? { seen: 0, answered: 0, left: budget, log: null };
    const words = `Questions ${number} rest: ${why}. ${seen} answers are in, and kept.`;
    return {
      ...{ run, number, phase: 'questions', seen, answered, left, budget, answers, words },
      refs: { questions, log, labels: null },
    };
  }

  private tell(state: QuestionsState, update: string, args: unknown[]): Promise<QuestionsState> {
    const { run, number } = state;
    const over = clientErrors.questionsOver(run);
    return this.workflows.tell(questionsWorkflowId(run, number), update, args, run, over);
  }
}

/** Often enough that nobody waits for it. */
const CHOSEN_MS = 200;
