import type { AnswersReply, GivenAnswer } from '../wire.js';

/** The newest answer waits this long before it is sent: it can be taken back until then, or until the next is given. */
const HOLD_MS = 10_000;
const BATCH = 50;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
/** Answers that another page left behind are sent once they are older than any page holds one back. */
const LEFT_BEHIND_MS = 3 * HOLD_MS;

/** Storage of a browser, as far as the outbox needs it. */
export interface Kept {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface OutboxOptions {
  run: string;
  /** null: the browser keeps nothing. */
  kept: Kept | null;
  /** @throws what can pass: the answers stay and are sent again */
  send: (answers: readonly GivenAnswer[]) => Promise<AnswersReply>;
  /** The server puts this name to all that it gets: other people's answers stay where they are. null: it takes theirs. */
  by: string | null;
  onChange: () => void;
  /** An answer that the server can't take; it is no longer kept. */
  onRefused: (refused: AnswersReply['refused']) => void;
}

/**
 * Answers on their way. Each is written to the browser's storage the moment it is given, under a key of its own so that two
 * pages don't overwrite each other's, and stays there until the server has it. Sending twice is harmless.
 */
export class Outbox {
  /** By the key of the storage: two people may answer the same image in one browser. */
  private readonly waiting = new Map<string, GivenAnswer>();
  private held: GivenAnswer | null = null;
  private holding: ReturnType<typeof setTimeout> | undefined;
  private retrying: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;
  private sending = false;
  /** The last attempt failed. */
  offline = false;

  constructor(private readonly options: OutboxOptions) {}

  /** Answers that the server does not have yet, the one that can be taken back among them. */
  get pending(): number {
    return this.waiting.size + (this.held ? 1 : 0);
  }

  /** Their images. */
  get ids(): string[] {
    return [...this.waiting.values(), ...(this.held ? [this.held] : [])].map(({ id }) => id);
  }

  /** The answer that can still be taken back. */
  get undoable(): GivenAnswer | null {
    return this.held;
  }

  /** Takes an answer, and lets the one before it go. */
  give(answer: GivenAnswer): void {
    this.keep(answer);
    this.release();
    this.held = answer;
    this.holding = setTimeout(() => this.flush(), HOLD_MS);
    void this.deliver();
    this.options.onChange();
  }

  /** Takes several that were looked over together; they go at once. */
  giveAll(answers: readonly GivenAnswer[]): void {
    for (const answer of answers) {
      this.keep(answer);
      this.waiting.set(this.keyOf(answer), answer);
    }
    this.flush();
  }

  /** Takes the newest answer back. */
  undo(): GivenAnswer | null {
    const { held } = this;
    if (held === null) return null;
    clearTimeout(this.holding);
    this.held = null;
    this.forget(held);
    this.options.onChange();
    return held;
  }

  /** Sends all, now. */
  flush(): void {
    this.release();
    clearTimeout(this.retrying);
    void this.deliver();
    this.options.onChange();
  }

  /** Takes over what an earlier page, or one that died, left in the storage. */
  adopt(now: number): void {
    const { kept, by } = this.options;
    if (kept === null) return;
    for (const key of keysOf(kept)) {
      if (!key.startsWith(this.prefix)) continue;
      const answer = readAnswer(kept.getItem(key));
      if (answer === null) kept.removeItem(key);
      else if (by !== null && answer.by !== by) continue;
      else if (now - Date.parse(answer.at) > LEFT_BEHIND_MS && this.held?.id !== answer.id)
        this.waiting.set(key, answer);
    }
    void this.deliver();
  }

  private get prefix(): string {
    return `labelloop.review/${this.options.run}/`;
  }

  private release(): void {
    clearTimeout(this.holding);
    if (this.held) this.waiting.set(this.keyOf(this.held), this.held);
    this.held = null;
  }

  private async deliver(): Promise<void> {
    if (this.sending || this.waiting.size === 0) return;
    this.sending = true;
    const batch = [...this.waiting.values()].slice(0, BATCH);
    try {
      const { refused } = await this.options.send(batch);
      for (const answer of batch) {
        this.waiting.delete(this.keyOf(answer));
        this.forget(answer);
      }
      if (refused.length > 0) this.options.onRefused(refused);
      this.offline = false;
      this.wait = FIRST_WAIT_MS;
    } catch {
      this.offline = true;
      this.retrying = setTimeout(() => void this.deliver(), this.wait);
      this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 2);
    } finally {
      this.sending = false;
    }
    this.options.onChange();
    if (!this.offline) await this.deliver();
  }

  private keyOf({ id, by }: GivenAnswer): string {
    return `${this.prefix}${by}/${id}`;
  }

  private keep(answer: GivenAnswer): void {
    try {
      this.options.kept?.setItem(this.keyOf(answer), JSON.stringify(answer));
    } catch {
      // A full storage: the answer is still in memory, and the page warns before it is left.
    }
  }

  private forget(answer: GivenAnswer): void {
    this.options.kept?.removeItem(this.keyOf(answer));
  }
}

const keysOf = (kept: Kept): string[] =>
  Array.from({ length: kept.length }, (_, i) => kept.key(i)).filter((key) => key !== null);

function readAnswer(text: string | null): GivenAnswer | null {
  try {
    return JSON.parse(text ?? 'null') as GivenAnswer | null;
  } catch {
    return null;
  }
}
