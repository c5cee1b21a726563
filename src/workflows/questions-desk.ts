import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { Answer } from '../contracts/audit.js';
import { QUERY_QUESTIONS } from '../contracts/names.js';
import type { QuestionsAsked, QuestionsCarried, QuestionsState, QuestionsTurn } from '../contracts/questions.js';
import { AnswerDesk, refuse } from './answer-desk.js';
import { stages } from './stages.js';

const questionsQuery = defineQuery<QuestionsState>(QUERY_QUESTIONS);

/** Where the answers to a run's questions arrive: keeps their state. */
export class QuestionsDesk extends AnswerDesk<QuestionsState> {
  constructor(
    private readonly asked: QuestionsAsked,
    carried: QuestionsCarried | undefined,
  ) {
    super(carried?.state ?? freshState(asked), 'Ask nothing more.');
    setHandler(questionsQuery, () => this.state, { description: 'How many images wait for answers.' });
  }

  /** Nothing is left to ask, or the budget is used up. */
  get answered(): boolean {
    return this.state.left === 0;
  }

  /** What an activity made of new answers. */
  turn(turn: QuestionsTurn): void {
    Object.assign(this.state, turn);
    this.describe();
  }

  /** A dry run: hidden labels answer for people. */
  async byTruth(): Promise<void> {
    this.turn(await stages.answerQuestionsByTruth({ asked: this.asked, refs: this.state.refs }));
    this.messages++;
  }

  describe(): void {
    const { number, run, phase, words } = this.state;
    setCurrentDetails(`**Questions ${number} of ${run}: ${phase}**\n\n${words}`);
  }

  /** What people had before them when the last was answered is still taken: they are labels. */
  protected async record(answers: Answer[]): Promise<void> {
    this.turn(await stages.recordQuestionAnswers({ asked: this.asked, refs: this.state.refs, answers }));
  }

  protected checkOpen(): void {
    if (this.state.phase === 'done') throw refuse('The questions are over.');
  }

  protected checkWanted(): void {
    if (this.state.refs.questions === null) throw refuse('The questions are not chosen yet. Try again in a moment.');
    if (this.state.answers !== 'people')
      throw refuse('These questions are a dry run, in which hidden labels answer for people.');
  }
}

/** `questions` stays null until they are open, even where they were given: an answer before that would be undone by the opening. */
const freshState = ({ source, number, budget, answers }: QuestionsAsked): QuestionsState => ({
  run: source.run,
  number,
  phase: 'questions',
  seen: 0,
  answered: 0,
  left: budget,
  budget,
  answers,
  refs: { questions: null, log: null, labels: null },
  words: 'The questions are being chosen.',
});
