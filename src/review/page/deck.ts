import type { Card, QuestionsReply } from '../wire.js';

/** A question whose image is loading or there. */
export interface Loaded {
  readonly card: Card;
  readonly image: HTMLImageElement;
  /** Whether the image can be shown. */
  readonly ready: Promise<boolean>;
  /** For how long it was looked at before an undo. */
  seconds: number;
}

export const imageAddress = (id: string, size: 'view' | 'full'): string => `/images/${id}/${size}.png`;

/**
 * The next questions, their images already loaded and decoded: what is dealt next is shown within a frame. Only these few
 * are ever fetched, however large the pool.
 */
export class Deck {
  private readonly cards: Loaded[] = [];
  private readonly answered = new Set<string>();

  /**
   * @param fetch asks the server for so many questions besides those that are here
   * @param onReply told of every answer, and of every failure
   */
  constructor(
    private readonly fetch: (limit: number, have: readonly string[]) => Promise<QuestionsReply>,
    private readonly onReply: (reply: QuestionsReply | Error) => void,
  ) {}

  get size(): number {
    return this.cards.length;
  }

  /** The next one; it leaves the deck. */
  take(): Loaded | null {
    const loaded = this.cards.shift() ?? null;
    if (loaded) this.answered.add(loaded.card.id);
    return loaded;
  }

  /** Puts cards back on top, in their order. */
  putBack(...loaded: readonly Loaded[]): void {
    for (const { card } of loaded) this.answered.delete(card.id);
    this.cards.unshift(...loaded);
  }

  /** The server did not take its answer: should it come again, it may. */
  forget(id: string): void {
    this.answered.delete(id);
  }

  /**
   * Fetches until there are `want`; asks even where there are, since that is how the page keeps them.
   *
   * @param elsewhere ids that are shown, or answered and not with the server yet
   */
  async fill(want: number, elsewhere: readonly string[]): Promise<void> {
    try {
      const here = new Set(this.cards.map(({ card }) => card.id));
      const reply = await this.fetch(Math.max(0, want - here.size), [...here, ...elsewhere]);
      for (const card of reply.questions) if (!this.answered.has(card.id)) this.cards.push(load(card));
      this.onReply(reply);
    } catch (error) {
      this.onReply(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function load(card: Card): Loaded {
  const image = new Image();
  // It is decoded before it is shown, so that it can be painted in the same frame.
  image.decoding = 'sync';
  image.alt = 'The image to answer';
  image.draggable = false;
  image.dataset['id'] = card.id;
  image.src = imageAddress(card.id, 'view');
  return { card, image, ready: decoded(image, card.id), seconds: 0 };
}

async function decoded(image: HTMLImageElement, id: string): Promise<boolean> {
  for (const pause of [1_000, 5_000, 0]) {
    try {
      await image.decode();
      // A digit of 28 pixels is looked at by its pixels, a photograph is not.
      image.classList.toggle('pixels', Math.max(image.naturalWidth, image.naturalHeight) < 160);
      return true;
    } catch {
      if (pause === 0) break;
      await new Promise((resolve) => setTimeout(resolve, pause));
      // The server may have been away, or started anew.
      image.src = `${imageAddress(id, 'view')}?${Date.now()}`;
    }
  }
  return false;
}
