import { randomBytes } from 'node:crypto';
import { runLines } from './end-table.js';
import {
  labelTenures,
  networkNames,
  posteriorNames,
  presetNames,
  samplingNames,
  scalingNames,
  scoreNames,
  studentNames,
  thresholdRules,
  weightNames,
} from '../contracts/presets.js';
import { count, table } from './format.js';
import { withStartOptions } from './start-options.js';
import { examples, verb, withClient } from './verb.js';
import { follow } from './watch.js';
import type { Command } from 'commander';
import type { FlagSettings } from './run-settings.js';
import type { Call, Context } from './verb.js';

type StartOptions = FlagSettings & { settings?: string; salt?: string; fresh?: true; run?: string; watch?: true };

export function addRunVerbs(program: Command, context: Context): void {
  const run = program.command('run').description('start, watch and steer runs');
  run.addHelpText('after', examples('labelloop run start --dataset shells --watch', 'labelloop run list'));

  withStartOptions(
    run
      .command('start')
      .description('start a run; prints its id')
      // Not commander's requiredOption: the dataset may come from the settings file.
      .option('--dataset <name>', 'dataset to label')
      .option('--seed <n>', 'all randomness comes from it (default 0)')
      .option(
        '--preset <name>',
        'method, which decides the settings below: ' + presetNames.join(', ') + ' (default compact)',
      )
      .option('--target-error <share>', 'label error that the cut-off aims at, 0.02 or 2% (default 2%)')
      .option('--rounds <n>', 'rounds at most')
      .option('--network <name>', networkNames.join(', '))
      .option('--student <name>', 'what a student learns from: ' + studentNames.join(', '))
      .option('--steps <n>', "training steps a round (default: the recipe's)")
      .option('--posterior <name>', "what an image's passes differ in: " + posteriorNames.join(', '))
      .option('--passes <n>', 'stochastic forward passes an image')
      .option(
        '--sampling <name>',
        'all passes for every image, or as many as its decision needs: ' + samplingNames.join(', '),
      )
      .option('--members <n>', 'networks of an ensemble')
      .option('--cross-fit <folds>', "label the pool's folds by students of the others, for a conditional estimate")
      .option('--threshold <rule>', 'rule for the cut-off: ' + thresholdRules.join(', '))
      .option('--score <name>', 'uncertainty that it compares: ' + scoreNames.join(', '))
      .option('--limit <number>', "the rule's own number: reach, z, n or probability")
      .option('--classwise <yes>', 'true: a cut-off a class where the calibration labels allow it')
      .option('--scaling <name>', 'calibration of the mean softmax: ' + scalingNames.join(', '))
      .option('--weights <name>', 'weights of pseudo-labels in training: ' + weightNames.join(', '))
      .option('--labels <tenure>', 'whether later rounds may take pseudo-labels back: ' + labelTenures.join(', '))
      .option('--calibration-share <share>', 'share of the labelled images kept for the cut-off (default 40%)')
      .option('--calibration-most <n>', 'images at most that are kept for the cut-off (default 500)')
      .option('--validation-share <share>', 'share of the training images that choose the best checkpoint')
      .option('--precision <name>', 'float32 or bfloat16 (default float32)')
      .option('--labels-from <run>', "begin with an audited run's labels, with what people said in them")
      .option('--instrument <name>', 'auto, betting, looks: how the audit decides (default auto)')
      .option('--nonce-from <whom>', "program or person: who gives the nonce of the audit's draw (default program)"),
  )
    .addHelpText(
      'after',
      examples(
        'labelloop run start --dataset shells --seed 7 --target-error 2% --rounds 3',
        'labelloop run start --settings run.yaml --watch',
      ),
    )
    .action(
      verb(context, async (call: Call<StartOptions>) => {
        const { settings: file, salt, fresh, run: id, watch, ...flags } = call.options;
        // Loaded here: zod and the YAML parser would slow every other verb down.
        const { checkRunId, readRunSettings } = await import('./run-settings.js');
        if (id !== undefined) checkRunId(id);
        const settings = await readRunSettings(file, flags, fresh ? freshSalt() : salt);
        // The run itself would say so too, but to a watcher who comes later.
        await (await call.services.datasets()).readDataset(settings.dataset);
        return await withClient(call.services, async (client) => {
          const before = await client.list();
          const started = await client.start(settings, id === undefined ? {} : { run: id });
          const known = before.find((entry) => entry.run === started.run);
          if (known && ['running', 'paused', 'waiting'].includes(known.status))
            call.note(`A run with these settings is under way (${known.status}): ${started.run}.`);
          else if (known) call.note('These settings ran before: stages that are in the store are not computed again.');
          if (watch) return await follow(call, client, started.run);
          call.note(`Next: labelloop run watch ${started.run}`);
          return { document: started, lines: [started.run] };
        });
      }),
    );

  run
    .command('list')
    .description('all runs, newest first')
    .addHelpText('after', examples('labelloop run list'))
    .action(
      verb(context, async (call) =>
        withClient(call.services, async (client) => {
          const runs = (await client.list()).sort((a, b) => b.startedAt.localeCompare(a.startedAt));
          const columns = [
            { title: 'run' },
            { title: 'status' },
            { title: 'dataset' },
            { title: 'round', align: 'right' as const },
            { title: 'started' },
          ];
          const rows = runs.map((entry) => [
            entry.run,
            entry.status,
            entry.dataset ?? '-',
            count(entry.round),
            entry.startedAt,
          ]);
          const none = ['No runs yet. Start one: labelloop run start --dataset NAME'];
          return { document: { runs }, lines: runs.length === 0 ? none : table(columns, rows) };
        }),
      ),
    );

  run
    .command('show')
    .description('a run: status, rounds, labels, model')
    .argument('<run>', 'id of the run')
    .addHelpText('after', examples('labelloop run show shells-1a2b3c4d', 'labelloop run show shells-1a2b3c4d --json'))
    .action(
      verb(context, async (call, id: string) =>
        withClient(call.services, async (client) => {
          const view = await client.show(id);
          return { document: view, lines: runLines(view, call.terminal.out.columns) };
        }),
      ),
    );

  run
    .command('watch')
    .description('follow a run to its end; exit code 1 unless it completed')
    .argument('<run>', 'id of the run')
    .addHelpText('after', examples('labelloop run watch shells-1a2b3c4d'))
    .action(verb(context, async (call, id: string) => withClient(call.services, (client) => follow(call, client, id))));

  const steering = [
    {
      name: 'pause',
      description: 'let a run rest at its next checkpoint',
      said: (id: string) => `${id} rests at its next checkpoint. Go on: labelloop run resume ${id}`,
    },
    {
      name: 'resume',
      description: 'let a paused run go on',
      said: (id: string) => `${id} goes on. Follow it: labelloop run watch ${id}`,
    },
    {
      name: 'cancel',
      description: 'end a run; what is in the store stays',
      said: (id: string) =>
        `${id} ends as soon as its tasks have stopped. The same 'run start' goes on from what is in the store.`,
    },
  ] as const;
  for (const { name, description, said } of steering)
    run
      .command(name)
      .description(description)
      .argument('<run>', 'id of the run')
      .addHelpText('after', examples(`labelloop run ${name} shells-1a2b3c4d`))
      .action(
        verb(context, async (call, id: string) =>
          withClient(call.services, async (client) => {
            await client[name](id);
            const { status } = await client.progress(id);
            return { document: { run: id, status }, lines: [said(id)] };
          }),
        ),
      );
}

/** No two runs share it, so nothing of an earlier run is found in the store. */
export const freshSalt = (): string => randomBytes(8).toString('hex');
