import type { Verdict } from '../../contracts/audit.js';
import { announce, element, make, percent } from './dom.js';
import type { Deck, Loaded } from './deck.js';
import type { Stopwatch } from './stopwatch.js';

/** Images of one screen. */
export const TILES = 24;

interface Tile {
  loaded: Loaded;
  button: HTMLButtonElement;
  words: HTMLElement;
  verdict: Verdict | null;
}

export interface GridEvents {
  /** The answers of a screen, looked over together. */
  onSend: (answers: { loaded: Loaded; verdict: Verdict }[]) => void;
  /** A tile was answered or cleared. */
  onChange: () => void;
  nameOf: (verdict: Verdict) => string;
  /** What a click on a tile gives; null: nothing is chosen. */
  brush: () => Verdict | null;
}

/** Many images at a time: a class is chosen, then its images; or each has its key. Nothing goes out before it is sent. */
export class Grid {
  private readonly box = element('tiles');
  private tiles: Tile[] = [];
  /** The tile that the keys are for. */
  private place = 0;

  constructor(
    private readonly deck: Deck,
    private readonly watch: Stopwatch,
    private readonly events: GridEvents,
  ) {
    this.box.addEventListener('keydown', (event) => this.onArrow(event));
  }

  get answered(): number {
    return this.tiles.filter(({ verdict }) => verdict !== null).length;
  }

  get ids(): string[] {
    return this.tiles.map(({ loaded }) => loaded.card.id);
  }

  /** The image that the keys are for. */
  get current(): Loaded | null {
    return this.tiles[this.place]?.loaded ?? null;
  }

  /** Fills free places. @returns whether there is an image */
  show(): boolean {
    const before = this.tiles.length;
    while (this.tiles.length < TILES) {
      const loaded = this.deck.take();
      if (loaded === null) break;
      this.tiles.push(this.tile(loaded));
    }
    if (before === 0 && this.tiles.length > 0) this.watch.start();
    if (this.tiles.length !== before) this.draw();
    return this.tiles.length > 0;
  }

  /** Gives all images back to the deck. */
  leave(): void {
    this.deck.putBack(...this.tiles.map(({ loaded }) => loaded));
    this.tiles = [];
    this.draw();
  }

  /** Answers the tile that the keys are for, and goes on to the next one without an answer. */
  answer(verdict: Verdict): void {
    const tile = this.tiles[this.place];
    if (!tile) return;
    this.set(tile, verdict);
    const next = this.tiles.findIndex(({ verdict: given }, i) => i > this.place && given === null);
    const free = next < 0 ? this.tiles.findIndex(({ verdict: given }) => given === null) : next;
    if (free >= 0) this.move(free, true);
  }

  /** Takes the answer of the tile back that the keys are for; else of the one before. */
  clear(): void {
    const at = this.tiles[this.place]?.verdict != null ? this.place : this.place - 1;
    const tile = this.tiles[at];
    if (!tile || tile.verdict === null) return;
    this.set(tile, null);
    this.move(at, true);
  }

  /** Sends what is answered; the rest stays, and new images come. */
  send(): void {
    const sent = this.tiles.filter(({ verdict }) => verdict !== null);
    if (sent.length === 0) return;
    // Nobody can tell for how long each was looked at: they share the screen's time.
    const seconds = Math.round((this.watch.read() / sent.length) * 1000) / 1000;
    this.tiles = this.tiles.filter(({ verdict }) => verdict === null);
    this.place = 0;
    this.events.onSend(
      sent.map(({ loaded, verdict }) => ({ loaded: Object.assign(loaded, { seconds }), verdict: verdict as Verdict })),
    );
    this.show();
    this.draw();
    this.watch.start();
    if (this.tiles.length > 0) this.move(0, true);
  }

  private tile(loaded: Loaded): Tile {
    const words = make('span', {}, this.guessOf(loaded));
    const button = make('button', { type: 'button', class: 'tile', tabindex: '-1' }, loaded.image, words);
    const tile: Tile = { loaded, button, words, verdict: null };
    button.addEventListener('click', () => {
      this.move(this.tiles.indexOf(tile), true);
      const brush = this.events.brush();
      if (brush === null) announce('No class is chosen. Choose one, or press its key.');
      else this.set(tile, tile.verdict === brush ? null : brush);
    });
    return tile;
  }

  private set(tile: Tile, verdict: Verdict | null): void {
    tile.verdict = verdict;
    tile.words.textContent = verdict === null ? this.guessOf(tile.loaded) : this.events.nameOf(verdict);
    tile.button.classList.toggle('answered', verdict !== null);
    this.name(tile);
    this.events.onChange();
  }

  /** The model's guess, where it is shown; an answer takes its place. */
  private guessOf({ card }: Loaded): string {
    return card.guess === null ? '' : `${this.events.nameOf(card.guess.label)}? ${percent(card.guess)}`;
  }

  private name({ button, words, verdict }: Tile): void {
    const place = this.box.contains(button) ? [...this.box.children].indexOf(button) + 1 : 0;
    const guess = words.textContent === '' ? '' : `; the model says ${words.textContent}`;
    button.setAttribute(
      'aria-label',
      `Image ${place}: ${verdict === null ? `no answer yet${guess}` : words.textContent}`,
    );
  }

  private draw(): void {
    this.box.replaceChildren(...this.tiles.map(({ button }) => button));
    for (const tile of this.tiles) {
      // The image has been in the other view.
      if (!tile.button.contains(tile.loaded.image)) tile.button.prepend(tile.loaded.image);
      this.name(tile);
    }
    this.move(Math.min(this.place, Math.max(0, this.tiles.length - 1)), false);
    this.events.onChange();
  }

  private move(place: number, focus: boolean): void {
    this.place = place;
    this.tiles.forEach(({ button }, i) => {
      button.tabIndex = i === place ? 0 : -1;
    });
    if (focus) this.tiles[place]?.button.focus();
  }

  private onArrow(event: KeyboardEvent): void {
    const columns = this.columns();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const to = this.place + step;
    if (to >= 0 && to < this.tiles.length) this.move(to, true);
  }

  private columns(): number {
    const top = this.tiles[0]?.button.offsetTop;
    const second = this.tiles.findIndex(({ button }) => button.offsetTop !== top);
    return second < 0 ? this.tiles.length : second;
  }
}
