import { basename, dirname, join, relative, sep } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { asksPeople, isAudit } from '../contracts/asking.js';
import type { AskingState } from '../contracts/asking.js';
import { LabelloopError } from '../contracts/errors.js';
import { wholeNumber } from './arguments.js';
import { cliErrors } from './errors.js';
import { count, plural } from './format.js';
import { exists, writeWhole } from './output-file.js';
import { answerFormats } from './services.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { Answer, AuditLine, Question, Verdict } from '../contracts/audit.js';
import type { AnswerFiles, AnswerFormat, RunsClient } from './services.js';
import type { Call, Context, Outcome } from './verb.js';

interface TasksOptions {
  out: string;
  format?: AnswerFormat;
  limit: number;
  images?: string;
  imageUrl?: string;
  by?: string;
  force?: true;
}

interface ImportOptions {
  by?: string;
  format?: AnswerFormat;
  skipUnwanted?: true;
}

/** Tasks a file, unless told; people rarely do more in one go. */
const LIMIT = 1_000;
/** For whom tasks are that name nobody: one who has not answered anything. */
const ANYBODY = 'anybody';
/** What a person may be asked at all; more than any audit needs. */
const ALL = 1_000_000;
const SAY_EVERY_MS = 2_000;

export function addAnswerVerbs(program: Command, context: Context): void {
  const format = (): Option =>
    new Option('--format <format>', "format (default: the file's extension)").choices(answerFormats);

  const tasks = program.command('tasks').description('what people are to answer, as files');
  tasks.addHelpText('after', examples('labelloop tasks export shells-1a2b3c4d --out tasks.csv --images ./tasks'));
  tasks
    .command('export')
    .description('write the images that people are asked about now, for a spreadsheet, a program or Label Studio')
    .argument('<run>', 'id of the run')
    .requiredOption('--out <file>', 'file to write')
    .addOption(format())
    .option('--limit <n>', `tasks at most (default ${count(LIMIT)})`, wholeNumber(1), LIMIT)
    .option('--images <dir>', 'write the images into this folder, named by their ids')
    .option('--image-url <prefix>', "what stands before an image's file name; without --images before its name")
    .option('--by <name>', 'for this person: what they have not answered')
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      examples(
        'labelloop tasks export shells-1a2b3c4d --out tasks.csv --images ./tasks',
        'labelloop tasks export shells-1a2b3c4d --out tasks.json --format label-studio --images ./shells --limit 200',
      ),
    )
    .action(verb(context, exportTasks));

  const answers = program.command('answers').description("people's answers from files");
  answers.addHelpText('after', examples('labelloop answers import shells-1a2b3c4d tasks.csv --by ada'));
  answers
    .command('import')
    .description('take answers from a task file that was filled in, or from what Label Studio exports')
    .argument('<run>', 'id of the run')
    .argument('<file>', 'CSV, JSON lines, or JSON of Label Studio')
    .addOption(format())
    .option('--by <name>', 'who answered, where the file does not say')
    .option('--skip-unwanted', 'leave answers out that are not asked for now, instead of refusing the file')
    .addHelpText(
      'after',
      examples(
        'labelloop answers import shells-1a2b3c4d tasks.csv --by ada',
        'labelloop answers import shells-1a2b3c4d project-1-at-2026-01-31.json',
      ),
    )
    .action(verb(context, importAnswers));
}

async function exportTasks(call: Call<TasksOptions>, run: string): Promise<Outcome> {
  const { out, limit, images, imageUrl, by, force } = call.options;
  const files = await call.services.answerFiles();
  const format = formatOf(files, out, call.options.format);
  if (format === 'label-studio' && images === undefined && imageUrl === undefined) throw cliErrors.imagesNeeded();
  const config = format === 'label-studio' ? join(dirname(out), 'config.xml') : null;
  if (!force && (await exists(out))) throw cliErrors.outputExists(out);
  return withClient(call.services, async (client) => {
    const classes = await classesOf(client, run);
    const asking = (await client.ask(run)) ?? (await client.asking(run));
    const questions = await client.questions(run, { by: by ?? ANYBODY, limit });
    const written = images === undefined ? null : await files.writeImages(run, questions, images);
    const addressOf = ({ id, name }: Question): string => {
      if (written === null || images === undefined) return imageUrl === undefined ? '' : imageUrl + encodePath(name);
      const file = written.get(id) ?? '';
      if (imageUrl !== undefined) return imageUrl + file;
      // Label Studio serves a folder below its document root under this address.
      if (format === 'label-studio') return `/data/local-files/?d=${encodePath(basename(images))}/${file}`;
      return relative(dirname(out), join(images, file)).split(sep).join('/');
    };
    const tasks = questions.map((question) => ({ id: question.id, name: question.name, image: addressOf(question) }));
    if (config !== null) await writeConfig(config, files.labelStudioConfig(files.vocabularyOf(classes)), force);
    await writeWhole(out, async (stream) => {
      for await (const piece of files.writeTasks(tasks, format)) stream.write(piece);
    });
    const where = [`${plural(tasks.length, 'task')} written to ${out} (${format})`, images && `images to ${images}`];
    return {
      document: { run, out, format, tasks: tasks.length, images: images ?? null, config },
      lines: [
        `${where.filter(Boolean).join(', ')}.`,
        ...(tasks.length === 0 ? [`Nothing is asked now. ${asking.words}`] : []),
        ...(config === null ? [] : [`Label Studio's labelling configuration: ${config}`]),
        ...(tasks.length === 0
          ? []
          : [
              `Then: labelloop answers import ${run} ${format === 'label-studio' ? 'EXPORT.json' : `${out} --by NAME`}`,
            ]),
      ],
    };
  });
}

/** The same configuration again is fine; another one is somebody's work. */
async function writeConfig(file: string, text: string, force?: true): Promise<void> {
  if (!force && (await exists(file)) && (await readFile(file, 'utf8')) !== text) throw cliErrors.outputExists(file);
  await writeFile(file, text);
}

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

async function importAnswers(call: Call<ImportOptions>, run: string, file: string): Promise<Outcome> {
  const { by, skipUnwanted } = call.options;
  const files = await call.services.answerFiles();
  const format = formatOf(files, file, call.options.format);
  return withClient(call.services, async (client) => {
    const vocabulary = files.vocabularyOf(await classesOf(client, run));
    if (!asksPeople(await client.asking(run))) throw cliErrors.truthAnswers(run);
    const log = await client.answers(run);
    const { answers, ...left } = await files.checkAnswers(files.readAnswers(file, format), {
      run,
      vocabulary,
      by,
      now: new Date(),
      skipUnwanted,
      async expectedOf(person) {
        const wanted = await client.questions(run, { by: person, limit: ALL });
        return { wanted: new Set(wanted.map(({ id }) => id)), given: givenBy(person, log) };
      },
      inPool: (ids) => poolImages(client, run, ids),
    });
    const { taken, state } = await send(client, run, answers, call.note);
    const late = answers.length - taken;
    const now = state ?? (await client.asking(run));
    const { phase, words } = now;
    const asked = isAudit(now)
      ? { audit: { audit: now.audit, phase, words } }
      : { questions: { number: now.number, phase, words } };
    return {
      document: { run, file, format, taken, ...left, late, ...asked },
      lines: [
        `${plural(taken, 'answer')} taken${[
          [left.known, 'known before'],
          [left.blank, 'left blank'],
          [left.unwanted, 'not asked for'],
          [late, `too late: ${isAudit(now) ? 'the audit has' : 'the questions have'} ended`],
        ]
          .filter(([number]) => number !== 0)
          .map(([number, what]) => `, ${count(number as number)} ${what}`)
          .join('')}.`,
        words,
      ],
    };
  });
}

const givenBy = (person: string, log: readonly AuditLine[]): Map<string, Verdict> =>
  new Map(log.filter((line) => line.by === person).map(({ id, verdict }) => [id, verdict]));

async function poolImages(client: RunsClient, run: string, ids: ReadonlySet<string>): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { id } of client.labels(run)) {
    if (ids.has(id)) found.add(id);
    if (found.size === ids.size) break;
  }
  return found;
}

/**
 * Sends answers in their order, as long as they are wanted.
 *
 * @returns how many were taken, and the state after the last; null where there was nothing to send
 */
async function send(
  client: RunsClient,
  run: string,
  answers: readonly Answer[],
  note: (line: string) => void,
): Promise<{ taken: number; state: AskingState | null }> {
  let taken = 0;
  let saidAt = performance.now();
  const onTaken = (now: number): void => {
    taken = now;
    if (taken === answers.length || performance.now() - saidAt < SAY_EVERY_MS) return;
    saidAt = performance.now();
    note(`${count(taken)} of ${plural(answers.length, 'answer')} taken`);
  };
  if (answers.length === 0) return { taken, state: null };
  try {
    const state = await client.answer(run, answers, { onTaken });
    return { taken, state };
  } catch (error) {
    if (taken > 0 && error instanceof LabelloopError && error.code === 'AUDIT_INVALID')
      throw cliErrors.partlyTaken(taken, answers.length, error);
    throw error;
  }
}

async function classesOf(client: RunsClient, run: string): Promise<string[]> {
  const manifest = await client.dataset(run);
  if (!manifest) throw cliErrors.noDataset(run);
  return manifest.classes;
}

function formatOf(files: AnswerFiles, file: string, given: AnswerFormat | undefined): AnswerFormat {
  const format = given ?? files.answerFormatOf(file);
  if (format === null) throw cliErrors.answerFormatUnknown(file);
  return format;
}
