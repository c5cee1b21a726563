import type { Verdict } from '../../contracts/audit.js';
import { element, make, percent } from './dom.js';
import type { Deck, Loaded } from './deck.js';
import type { Stopwatch } from './stopwatch.js';

/** One image at a time. */
export class Single {
  private readonly frame = element('frame');
  private readonly guess = element('guess');
  current: Loaded | null = null;
  private last: Loaded | null = null;

  constructor(
    private readonly deck: Deck,
    private readonly watch: Stopwatch,
    private readonly names: readonly string[],
    private readonly onAnswer: (loaded: Loaded, verdict: Verdict) => void,
  ) {}

  /** Shows the next image, unless one is shown. @returns whether there is one */
  show(): boolean {
    if (this.current === null) this.deal();
    return this.current !== null;
  }

  /** Gives the image back to the deck: another view goes on with it. */
  leave(): void {
    if (this.current) {
      this.current.seconds = this.watch.read();
      this.deck.putBack(this.current);
    }
    this.clear();
  }

  /** Answers the image that is shown, and shows the next. */
  answer(verdict: Verdict): void {
    const { current } = this;
    if (current === null) return;
    current.seconds = this.watch.read();
    this.last = current;
    this.current = null;
    this.deal();
    this.onAnswer(current, verdict);
  }

  /** Shows the image of the last answer again. */
  back(id: string): boolean {
    const { last } = this;
    if (last?.card.id !== id) return false;
    this.leave();
    this.last = null;
    this.deck.putBack(last);
    return this.show();
  }

  private deal(): void {
    const next = this.deck.take();
    this.current = next;
    if (next === null) return this.clear();
    this.frame.replaceChildren(next.image);
    this.watch.start(next.seconds);
    const { guess } = next.card;
    this.guess.hidden = guess === null;
    this.guess.textContent =
      guess === null ? '' : `The model says: ${this.names[guess.label] ?? ''}, ${percent(guess)}`;
    void next.ready.then((shown) => {
      if (!shown && this.current === next)
        this.frame.replaceChildren(
          make('p', { class: 'soft' }, 'This image can’t be shown. Load the page again, or answer “Cannot tell”.'),
        );
    });
  }

  private clear(): void {
    this.current = null;
    this.frame.replaceChildren();
    this.guess.hidden = true;
  }
}
