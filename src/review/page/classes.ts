import { element, make } from './dom.js';
import { assignKeys } from './keys.js';
import { indexOf, search } from './search.js';

/** Classes that a search shows at most; who wants another one types on. */
const SHOWN = 60;
const RECENT = 9;

/** The classes as buttons with a key each or, where there are more of them than keys, as a list that typing searches. */
export class Classes {
  /** Class by key; null: they are searched. */
  readonly byKey: ReadonlyMap<string, number> | null;
  private readonly box = element('classes');
  private readonly input = element<HTMLInputElement>('search');
  private readonly index;
  private readonly keys;
  private recent: number[] = [];
  private shown: number[] = [];
  private active = 0;
  private brush: number | null = null;

  constructor(
    readonly names: readonly string[],
    private readonly onChoose: (index: number) => void,
  ) {
    this.index = indexOf(names);
    this.keys = assignKeys(names);
    this.byKey = this.keys && new Map(this.keys.map((key, i) => [key, i]));
    if (this.keys) this.drawButtons(this.keys);
    else this.beginSearch();
  }

  /** Marks the class that a click in the grid gives. */
  mark(brush: number | null): void {
    this.brush = brush;
    for (const button of this.box.querySelectorAll('[data-class]'))
      if (this.keys) {
        if (brush === null) button.removeAttribute('aria-pressed');
        else button.setAttribute('aria-pressed', String(button.getAttribute('data-class') === String(brush)));
      } else button.classList.toggle('brush', button.getAttribute('data-class') === String(brush));
  }

  /** Begins a search with a letter that was typed elsewhere in the page. */
  type(letter: string): void {
    this.input.focus();
    this.input.value += letter;
    this.find();
  }

  focus(): void {
    if (this.keys) this.box.querySelector('button')?.focus();
    else this.input.focus();
  }

  private drawButtons(keys: readonly string[]): void {
    this.box.setAttribute('role', 'group');
    this.box.setAttribute('aria-labelledby', 'answers-title');
    this.box.replaceChildren(
      ...this.names.map((name, i) => {
        const key = keys[i] ?? '';
        const button = make(
          'button',
          { type: 'button', 'data-class': String(i), 'aria-keyshortcuts': key },
          make('kbd', { 'aria-hidden': 'true' }, key.toUpperCase()),
          make('span', {}, name),
        );
        button.addEventListener('click', () => this.onChoose(i));
        return button;
      }),
    );
  }

  private beginSearch(): void {
    element('search-box').hidden = false;
    this.box.setAttribute('role', 'listbox');
    this.box.setAttribute('aria-label', 'Classes');
    this.box.classList.add('list');
    this.input.addEventListener('input', () => this.find());
    this.input.addEventListener('keydown', (event) => this.onKey(event));
    this.find();
  }

  private find(): void {
    const typed = this.input.value.trim() !== '';
    const rest = typed ? search(this.index, this.input.value, SHOWN) : this.names.map((_, i) => i);
    this.shown = typed ? rest : [...new Set([...this.recent, ...rest])].slice(0, SHOWN);
    this.active = 0;
    this.box.replaceChildren(
      ...this.shown.map((index, place) => {
        const option = make(
          'div',
          { role: 'option', id: `option-${place}`, 'data-class': String(index), 'aria-selected': 'false' },
          make('span', {}, this.names[index] ?? ''),
          ...(!typed && this.recent.includes(index) ? [make('small', {}, 'recent')] : []),
        );
        option.addEventListener('click', () => this.choose(index));
        return option;
      }),
      ...(this.shown.length === 0 ? [make('p', { class: 'soft' }, 'No class is called so.')] : []),
      ...(this.shown.length === SHOWN
        ? [make('p', { class: 'soft' }, `${this.names.length} classes: type to find the others.`)]
        : []),
    );
    this.select(0);
    this.mark(this.brush);
  }

  private onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step !== undefined) this.select(this.active + step);
    else if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) {
      const index = this.shown[this.active];
      if (index !== undefined) this.choose(index);
    } else if (event.key === 'Escape' && this.input.value !== '') {
      this.input.value = '';
      this.find();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private select(place: number): void {
    const options = this.box.querySelectorAll<HTMLElement>('[role=option]');
    options[this.active]?.setAttribute('aria-selected', 'false');
    this.active = Math.max(0, Math.min(place, options.length - 1));
    const option = options[this.active];
    option?.setAttribute('aria-selected', 'true');
    if (option) this.input.setAttribute('aria-activedescendant', option.id);
    else this.input.removeAttribute('aria-activedescendant');
    option?.scrollIntoView({ block: 'nearest' });
  }

  private choose(index: number): void {
    this.recent = [index, ...this.recent.filter((one) => one !== index)].slice(0, RECENT);
    this.input.value = '';
    this.find();
    this.onChoose(index);
  }
}
