import { allHandlersFinished, ApplicationFailure, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import { ANSWERS_FROM } from '../contracts/names.js';
import type { QuestionsAsked, QuestionsInput, QuestionsState } from '../contracts/questions.js';
import { atDesk } from './answer-desk.js';
import { tellQuestions } from './notices.js';
import { QuestionsDesk } from './questions-desk.js';
import { stages } from './stages.js';

/**
 * Asks people for the labels of chosen images, the most useful first, as long as it takes: until the budget is used up,
 * everything is asked, or it is stopped. What they say is written into the labels. Cancelled, it keeps the answers, and the
 * same questions, started again, go on with them.
 */
export async function questions(input: QuestionsInput): Promise<QuestionsState> {
  checkInput(input);
  const { carried: handed, ...asked } = input;
  // Continue-as-new alone hands something on.
  const carried = workflowInfo().continuedFromExecutionRunId === undefined ? undefined : handed;
  const desk = new QuestionsDesk(asked, carried);
  return atDesk(
    desk,
    'the questions were cancelled',
    () => conduct(desk, asked, carried !== undefined),
    (event, reason) => tellQuestions(desk.state, event, reason),
  );
}

/** Whatever starts it with something else must be told, and not break the workflow's code, which would be tried for ever. */
function checkInput(input: QuestionsInput | undefined): void {
  const source = input?.source as Partial<QuestionsInput['source']> | undefined;
  const whole = typeof source?.run === 'string' && source.dataset && input?.labels && input.questions !== undefined;
  const counted = [input?.number, input?.budget].every((count) => Number.isInteger(count) && (count as number) > 0);
  if (!whole || !counted || !ANSWERS_FROM.test(input?.answers ?? ''))
    throw ApplicationFailure.nonRetryable(
      "Questions are asked by 'labelloop review RUN', or by a run that adapts.",
      'SETTINGS_INVALID',
    );
}

async function conduct(desk: QuestionsDesk, asked: QuestionsAsked, goesOn: boolean): Promise<QuestionsState> {
  const { state } = desk;
  const byPeople = state.answers === 'people';
  if (!goesOn) {
    const { turn, ended } = await stages.openQuestions({ asked });
    if (ended) return Object.assign(state, ended);
    desk.turn(turn);
    if (!desk.answered && !desk.stopped) void tellQuestions(state, 'waiting');
  }
  while (!desk.answered && !desk.stopped) {
    if (!byPeople) await desk.byTruth();
    else await condition(() => desk.answered || desk.stopped || desk.due);
    if (!desk.answered && !desk.stopped && desk.due) {
      // Those who came meanwhile are served first: a message can't be handed on.
      await condition(allHandlersFinished);
      if (!desk.answered && !desk.stopped)
        return continueAsNew<typeof questions>({ ...asked, carried: { version: 1, state } });
    }
  }
  await condition(allHandlersFinished);
  state.phase = 'done';
  // The activity keeps it before it is told: who sees that it is over may ask for its labels.
  Object.assign(state, await stages.endQuestions({ asked, state, stopped: desk.stopped }));
  desk.describe();
  await tellQuestions(state, 'ended');
  await condition(allHandlersFinished);
  return state;
}
