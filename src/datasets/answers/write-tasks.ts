import { csvLine } from '../export.js';
import { LABELS, LABEL_STUDIO_ID } from './label-studio.js';

export const answerFormats = ['csv', 'jsonl', 'label-studio'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

/** An image for a person, in a file. Nothing tells why it is asked, or what the model would say. */
export interface Task {
  /** The image's id in the pool: what an answer is found by again. */
  id: string;
  name: string;
  /** Path or URL of the image, empty without one. */
  image: string;
}

/** Columns of a task file as CSV or JSON lines; the last four are for people to fill in. */
export const TASK_COLUMNS = ['id', 'name', 'image', 'answer', 'by', 'at', 'seconds'] as const;

type Tasks = AsyncIterable<Task> | Iterable<Task>;

/**
 * Tasks as text, in pieces: CSV (RFC 4180) or JSON lines with empty fields for the answers, or tasks that Label Studio
 * imports, whose `data` keep the id.
 */
export const writeTasks = (tasks: Tasks, format: AnswerFormat): AsyncGenerator<string> =>
  ({ csv: toCsv, jsonl: toJsonLines, 'label-studio': toLabelStudio })[format](tasks);

async function* toCsv(tasks: Tasks): AsyncGenerator<string> {
  yield csvLine(TASK_COLUMNS);
  for await (const { id, name, image } of tasks) yield csvLine([id, name, image, '', '', '', '']);
}

async function* toJsonLines(tasks: Tasks): AsyncGenerator<string> {
  for await (const { id, name, image } of tasks)
    yield `${JSON.stringify({ id, name, image, answer: null, by: null, at: null, seconds: null })}\n`;
}

async function* toLabelStudio(tasks: Tasks): AsyncGenerator<string> {
  let before = '[';
  for await (const { id, name, image } of tasks) {
    yield `${before}\n${JSON.stringify({ data: { [LABEL_STUDIO_ID]: id, name, [LABELS.to]: image } })}`;
    before = ',';
  }
  yield before === '[' ? '[]\n' : '\n]\n';
}
