import sharp from 'sharp';
import type { AskingState } from '../../src/contracts/asking.js';
import type { QuestionsState } from '../../src/contracts/questions.js';
import type { Guess } from '../../src/review/wire.js';
import type { Answer, AuditState, Question } from '../../src/contracts/audit.js';
import type { QuestionImage } from '../../src/client/index.js';
import { problem } from '../../src/contracts/errors.js';
import type { ReviewSource } from '../../src/review/index.js';

export interface Pool {
  images?: number;
  classes?: readonly string[];
  /** null: no audit, and the questions below. */
  audit?: Partial<AuditState> | null;
  /** null: nobody is asked. */
  questions?: Partial<QuestionsState> | null;
  image?: (question: Question) => QuestionImage | Promise<QuestionImage>;
}

export const SHELLS = ['cowrie', 'whelk', 'limpet', 'cone', 'nautilus', 'scallop'];

export function state(changes: Partial<AuditState> = {}): AuditState {
  return {
    run: 'shells-1a2b3c4d',
    audit: 1,
    phase: 'audit',
    refs: null,
    settings: {
      epsilon: 0.02,
      confidence: 0.95,
      budget: 400,
      instrument: 'auto',
      drawing: 'uniform',
      spending: 'single',
      repair: 'auto',
      double: 0.1,
      nonceFrom: 'program',
      answers: 'people',
    },
    seen: 0,
    judgement: { cuts: [], certified: null, outcome: 'open', answers: { repair: 0, audit: 0, left: 400 } },
    outlook: { instrument: 'looks', repair: 0, size: 9000, expected: 160, percentile90: 212, success: 0.93 },
    words: 'Nothing is certified yet; the audit waits for answers.',
    ...changes,
  };
}

const hex = (value: number): string => value.toString(16).padStart(32, '0');

/** A grey disc, its size by the image's number: model's pixels alone, no file. */
function disc({ index }: Question): QuestionImage {
  const size = 28;
  const pixels = Uint8Array.from({ length: size * size }, (_, i) => {
    const distance = Math.hypot((i % size) - 13.5, Math.floor(i / size) - 13.5);
    return distance < 4 + (index % 9) ? 230 - 14 * distance : 20;
  });
  return { id: hex(index), original: null, pixels, shape: { height: size, width: size, channels: 1 } };
}

/** A coloured file of its own size, of rings: as a camera's photographs, it is larger than a screen. */
export async function photograph(index: number, width = 2400, height = 1800): Promise<QuestionImage> {
  const hue = (index * 47) % 360;
  const rings = Array.from(
    { length: 14 },
    (_, i) =>
      `<ellipse cx="${width / 2 + i * 12}" cy="${height / 2}" rx="${(width / 2.4) * (1 - i / 15)}" ry="${(height / 2.4) * (1 - i / 14)}" fill="hsl(${hue + i * 9} 45% ${30 + i * 4}%)"/>`,
  ).join('');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="hsl(${hue + 180} 20% 82%)"/>${rings}</svg>`;
  const bytes = await sharp(Buffer.from(svg)).jpeg().toBuffer();
  const small = await sharp(bytes).resize(32, 32).removeAlpha().raw().toBuffer();
  return {
    id: hex(index),
    original: { bytes, extension: 'jpg' },
    pixels: small,
    shape: { height: 32, width: 32, channels: 3 },
  };
}

/** A run in memory. */
export class MemorySource implements ReviewSource {
  readonly run = 'shells-1a2b3c4d';
  readonly classes: readonly string[];
  /** All that was handed over, the repeated too. */
  readonly given: Answer[] = [];
  readonly answers = new Map<string, Answer>();
  /** What each call of `questions` asked for. */
  readonly limits: number[] = [];
  /** The store or Temporal is away. */
  away = false;
  private readonly images: number;
  /** What is asked may change while a page is open. */
  auditOf: Partial<AuditState> | null;
  private readonly questionsOf: Partial<QuestionsState> | null;
  private readonly draw: (question: Question) => QuestionImage | Promise<QuestionImage>;

  constructor({ images = 40, classes = SHELLS, audit = {}, questions = {}, image = disc }: Pool = {}) {
    this.images = images;
    this.classes = classes;
    this.auditOf = audit;
    this.questionsOf = questions;
    this.draw = image;
  }

  questions(by: string, limit: number): Promise<Question[]> {
    this.limits.push(limit);
    const open: Question[] = [];
    for (let index = 0; index < this.images && open.length < limit; index++)
      if (!this.answers.has(hex(index)))
        open.push({ id: hex(index), name: `${SHELLS[index % 6]}/${index}.png`, shard: 0, index, again: false });
    return by === '' ? Promise.reject(new Error('nobody asks')) : this.here(open);
  }

  answer(answers: readonly Answer[]): Promise<AskingState | null> {
    const odd = answers.find(({ id }) => Number.parseInt(id, 16) >= this.images);
    if (odd) return Promise.reject(problem('AUDIT_INVALID', `${odd.id} is no image of this audit.`));
    return this.here(undefined).then(() => {
      for (const answer of answers) {
        this.given.push(answer);
        if (!this.answers.has(answer.id)) this.answers.set(answer.id, answer);
      }
      return this.asking();
    });
  }

  asking(): Promise<AskingState | null> {
    if (this.auditOf === null) return this.here(this.questionsState());
    const base = state(this.auditOf);
    const audit = this.answers.size;
    const answers = { repair: 0, audit, left: Math.max(0, base.settings.budget - audit) };
    const judgement = base.judgement && { ...base.judgement, answers };
    return this.here({ ...base, seen: audit, judgement });
  }

  image(question: Question): Promise<QuestionImage> {
    return this.here(null).then(() => this.draw(question));
  }

  guess({ index }: Question): Promise<Guess | null> {
    return this.here({ label: index % this.classes.length, probability: (4 + (index % 6)) / 10 });
  }

  private questionsState(): QuestionsState | null {
    if (this.questionsOf === null) return null;
    const answered = this.answers.size;
    return {
      ...{ run: this.run, number: 1, phase: 'questions', seen: answered, answered, left: this.images - answered },
      ...{ budget: 5000, answers: 'people', refs: { questions: null, log: null, labels: null } },
      words: 'Images wait for answers.',
      ...this.questionsOf,
    };
  }

  private here<T>(value: T): Promise<T> {
    if (this.away) return Promise.reject(problem('STORE_UNAVAILABLE', 'the store does not answer.'));
    return Promise.resolve(value);
  }
}
