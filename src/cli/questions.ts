import { wholeNumber } from './arguments.js';
import { cliErrors } from './errors.js';
import { count, pairs } from './format.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { RunView } from '../contracts/run.js';
import type { Call, Context } from './verb.js';

interface StartOptions {
  budget?: number;
  answers?: string;
}

type Shown = NonNullable<RunView['questions']>;

export function addQuestionVerbs(program: Command, context: Context): void {
  const questions = program
    .command('questions')
    .description("ask people about a finished run's images, without an audit");
  questions.addHelpText(
    'after',
    examples('labelloop questions start shells-1a2b3c4d --budget 200', 'labelloop questions show shells-1a2b3c4d'),
  );

  questions
    .command('start')
    .description(
      "ask about images without a label, the most useful first; 'review' and 'tasks export' do it by themselves",
    )
    .argument('<run>', 'id of the run')
    .option('--budget <n>', 'images that people answer at most (default: all, 5,000 at a time)', wholeNumber(1))
    .option('--answers <whom>', 'people; in a dry run truth, or truth:0.02, which errs in 2 % (default people)')
    .addHelpText(
      'after',
      examples(
        'labelloop questions start shells-1a2b3c4d --budget 200',
        'labelloop questions start shells-1a2b3c4d --answers truth:0.02',
      ),
    )
    .action(
      verb(context, async ({ options, services }: Call<StartOptions>, run: string) =>
        withClient(services, async (client) => {
          const state = await client.startQuestions(run, options);
          return { document: state, lines: questionLines(state) };
        }),
      ),
    );

  questions
    .command('show')
    .description('how many images wait for answers')
    .argument('<run>', 'id of the run')
    .addHelpText('after', examples('labelloop questions show shells-1a2b3c4d'))
    .action(
      verb(context, async ({ services }, run: string) =>
        withClient(services, async (client) => {
          const { questions: shown } = await client.show(run);
          if (!shown) throw cliErrors.noQuestions(run);
          return { document: shown, lines: questionLines(shown) };
        }),
      ),
    );

  questions
    .command('stop')
    .description('ask nothing more; what people said stays in the labels')
    .argument('<run>', 'id of the run')
    .addHelpText('after', examples('labelloop questions stop shells-1a2b3c4d'))
    .action(
      verb(context, async ({ services }, run: string) =>
        withClient(services, async (client) => {
          const state = await client.stopQuestions(run);
          return { document: state, lines: questionLines(state) };
        }),
      ),
    );
}

/** Questions as `questions show` prints them, and `run show` within its own. */
export const questionLines = ({ number, phase, answered, left, answers, words }: Shown): string[] =>
  pairs([
    [
      'Questions',
      `${number}: ${phase === 'done' ? 'over' : 'people are asked'}${answers === 'people' ? '' : ' (dry run: hidden labels answer)'}`,
    ],
    ['Answers', `${count(answered)} of ${count(answered + left)}`],
    ['Now', words],
  ]);
