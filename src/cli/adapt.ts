import { withStartOptions } from './start-options.js';
import { examples, verb, withClient } from './verb.js';
import { freshSalt } from './run.js';
import { cliErrors } from './errors.js';
import { follow } from './watch.js';
import type { Command } from 'commander';
import type { RunSettings } from '../contracts/settings.js';
import type { FlagSettings } from './run-settings.js';
import type { RunsClient } from './services.js';
import type { Call, Context } from './verb.js';

type AdaptOptions = Omit<FlagSettings, 'labels'> & {
  from: string;
  /** Answers to ask for: the flag is called as its users think of it. */
  labels?: string;
  settings?: string;
  salt?: string;
  fresh?: true;
  run?: string;
  watch?: true;
};

export function addAdaptVerb(program: Command, context: Context): void {
  withStartOptions(
    program
      .command('adapt')
      .description("bring a run's model to a dataset of the same classes; prints the new run's id")
      .requiredOption('--from <run>', 'run whose model moves')
      .requiredOption('--dataset <name>', "where to; import it with '--like' the run's dataset")
      .option('--labels <n>', 'labels that people are asked for, each where it tells most (default 0)')
      .option('--seed <n>', 'all randomness comes from it (default 0)')
      .option('--rounds <n>', 'rounds at most')
      .option('--steps <n>', "training steps a round (default: the recipe's)")
      .option(
        '--target-error <share>',
        'label error that the cut-off aims at, 0.02 or 2% (default: as of the run that it comes from)',
      ),
  )
    .addHelpText(
      'after',
      examples(
        'labelloop adapt --from shells-1a2b3c4d --dataset beach-2 --labels 50',
        'labelloop adapt --from shells-1a2b3c4d --dataset beach-2 --certify 2% --watch',
      ),
    )
    .action(
      verb(context, async (call: Call<AdaptOptions>) => {
        const { settings: file, salt, fresh, run: id, watch, from, labels, answers, ...flags } = call.options;
        const answered = answers === undefined ? {} : { answers };
        const { checkRunId, readRunSettings } = await import('./run-settings.js');
        if (id !== undefined) checkRunId(id);
        return await withClient(call.services, async (client) => {
          const audited = flags.certify === undefined ? flags : { ...flags, ...answered };
          const settings = await readRunSettings(file, audited, fresh ? freshSalt() : salt, {
            basis: await methodOf(client, from),
            adapt: { from, ...asked(labels), ...answered },
          });
          await (await call.services.datasets()).readDataset(settings.dataset);
          const started = await client.start(settings, id === undefined ? {} : { run: id });
          if (watch) return await follow(call, client, started.run);
          if (settings.adapt && settings.adapt.ask > 0 && settings.adapt.answers === 'people')
            call.note(`It will ask: labelloop review ${started.run}`);
          call.note(`Next: labelloop run watch ${started.run}`);
          return { document: started, lines: [started.run] };
        });
      }),
    );
}

/** What the new run has in common with the one it comes from: the model fixes it. */
async function methodOf(client: RunsClient, run: string): Promise<Partial<RunSettings>> {
  const settings = await client.settings(run);
  if (settings === null) throw cliErrors.runWithoutModel(run);
  const { network, student, precision, passes, targetError } = settings;
  return { network, student, precision, passes, targetError };
}

function asked(labels: string | undefined): { ask: number } | undefined {
  return labels === undefined ? undefined : { ask: Number(labels) };
}
