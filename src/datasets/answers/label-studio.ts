import type { Vocabulary } from './vocabulary.js';

/** Our id in a task's data. Label Studio puts its own number into a column `id` of flat exports. */
export const LABEL_STUDIO_ID = 'image_id';

/** Names of the controls in the labelling configuration. */
export const LABELS = { from: 'answer', to: 'image' } as const;

/** Classes from which on people type the beginning of a name instead of reading a list. */
const MANY_CLASSES = 30;

/** Label Studio's labelling configuration: one image, one answer, digits as keys of the first nine classes. */
export function labelStudioConfig(vocabulary: Vocabulary): string {
  const classes = vocabulary.words.slice(0, -2);
  const many = classes.length > MANY_CLASSES;
  const choice = (word: string, hotkey?: string, hint?: string): string => {
    const shown = hint === undefined ? '' : ` hint=${quoted(hint)}`;
    return `    <Choice value=${quoted(word)}${hotkey === undefined || many ? '' : ` hotkey="${hotkey}"`}${shown}/>`;
  };
  return `${[
    '<View>',
    `  <Image name="${LABELS.to}" value="$${LABELS.to}" zoom="true" zoomControl="true"/>`,
    `  <Choices name="${LABELS.from}" toName="${LABELS.to}" choice="single" required="true"${many ? ' layout="select"' : ''}>`,
    ...classes.map((word, index) => choice(word, index < 9 ? String(index + 1) : undefined)),
    choice(vocabulary.unsure, 'u', 'cannot tell'),
    choice(vocabulary.none, 'n', 'no class fits'),
    '  </Choices>',
    '</View>',
  ].join('\n')}\n`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** An attribute of XML. Line ends and tabs would be read as spaces. */
const quoted = (text: string): string =>
  `"${text.replace(/[&<>"]/g, (each) => ENTITIES[each] as string).replace(/[\n\r\t]/g, (each) => `&#${each.charCodeAt(0)};`)}"`;

/** What people did with one task, as far as it is ours. */
export interface Annotation {
  /** Who; Label Studio's number where the export does not name them. */
  by: string;
  at: string;
  seconds: string;
  /** What was chosen: a word of the vocabulary; null: the task was skipped. */
  answer: string | null;
  /** Why it can't be read. */
  fault?: string;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

/** Whether an element of an exported array is a task with annotations; else it is a flat row (JSON_MIN). */
export const isTask = (value: Json): boolean => 'annotations' in value || 'data' in value;

/** Our id in a task, empty where it has none. */
export const idOfTask = (task: Json): string => (isObject(task['data']) ? text(task['data'][LABEL_STUDIO_ID]) : '');

/** The annotations of a task; several people may have answered it. Cancelled (skipped) ones are "cannot tell". */
export function annotationsOf(task: Json): Annotation[] {
  const { annotations } = task;
  return Array.isArray(annotations) ? annotations.filter(isObject).map(annotationOf) : [];
}

function annotationOf(annotation: Json): Annotation {
  const person = annotation['completed_by'];
  const about = {
    by: isObject(person) ? text(person['email']) || text(person['id']) : text(person),
    at: text(annotation['created_at']),
    seconds: text(annotation['lead_time']),
  };
  if (annotation['was_cancelled'] === true) return { ...about, answer: null };
  const results = Array.isArray(annotation['result']) ? annotation['result'].filter(isObject) : [];
  const ours = results.filter((result) => result['type'] === 'choices' && result['from_name'] === LABELS.from);
  const choices = ours.flatMap(({ value }) => {
    const chosen: unknown = isObject(value) ? value['choices'] : undefined;
    return Array.isArray(chosen) ? (chosen as unknown[]) : [];
  });
  const [answer, ...others] = choices.map(text);
  if (answer === undefined) return { ...about, answer: '', fault: `no choice named '${LABELS.from}'` };
  return { ...about, answer, ...(others.length > 0 ? { fault: `${choices.length} choices at once` } : {}) };
}
