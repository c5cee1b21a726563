/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Guess } from '../wire.js';

/** The element of the page with this id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found as T;
}

/** A new element with text or children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Says something to those who don't see the page. */
export function announce(words: string): void {
  const live = element('live');
  // The same words again would be no change, and go unsaid.
  live.textContent = live.textContent === words ? `${words}\u00a0` : words;
}

/** Thousands with commas. */
export const count = (value: number): string => value.toLocaleString('en-US');

export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** A probability in whole percent, and none that is certain by rounding. */
export const percent = ({ probability }: Guess): string =>
  probability >= 0.995 ? 'over 99 %' : `${Math.round(probability * 100)} %`;
