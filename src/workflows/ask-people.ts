import { executeChild, workflowInfo } from '@temporalio/workflow';
import { QUESTIONS_WORKFLOW_TYPE, questionsWorkflowId } from '../contracts/names.js';
import type { QuestionsAsked, QuestionsState } from '../contracts/questions.js';
import { askingChild, onceFree } from './asking-child.js';
import type { questions as questionsWorkflow } from './questions.js';
import { stages } from './stages.js';

/** What a run asks people: its dataset, the labels in force, and the images, most useful first. */
export type ToAsk = Pick<QuestionsAsked, 'labels' | 'questions' | 'budget' | 'answers' | 'seed'> & {
  dataset: QuestionsAsked['source']['dataset'];
};

/**
 * Asks people about images of this run's pool, by a workflow of its own, and waits for them. The same questions, asked again
 * after a pause or by the same run started anew, go on where they stopped; once they have ended, their state is known at once.
 *
 * @returns how it ended; `refs.labels`: the labels with what people said in them
 */
export async function askPeople({ dataset, ...ask }: ToAsk): Promise<QuestionsState> {
  const asked = { ...ask, source: { run: workflowInfo().workflowId, dataset } };
  return onceFree(async () => {
    const { number } = await stages.numberQuestions({ asked });
    return executeChild<typeof questionsWorkflow>(QUESTIONS_WORKFLOW_TYPE, {
      workflowId: questionsWorkflowId(asked.source.run, number),
      args: [{ ...asked, number }],
      ...askingChild,
      staticSummary: `Questions ${number} of ${asked.source.run}`,
    });
  });
}
