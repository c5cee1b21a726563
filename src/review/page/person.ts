import { element } from './dom.js';
import type { Kept } from './outbox.js';

const NAME_KEY = 'labelloop.review.by';
const SEAT_KEY = 'labelloop.review.seat';

/** The browser's storage; null where it keeps nothing (some private windows). */
export function keptStorage(): Kept | null {
  try {
    localStorage.setItem('labelloop.review.probe', '');
    localStorage.removeItem('labelloop.review.probe');
    return localStorage;
  } catch {
    return null;
  }
}

export const keptName = (kept: Kept | null): string | null => kept?.getItem(NAME_KEY) ?? null;
export const keepName = (kept: Kept | null, name: string): void => kept?.setItem(NAME_KEY, name);

let ownSeat: string | null = null;

/** This page among all that are open: it keeps its questions when it is loaded again. */
export function seat(): string {
  if (ownSeat !== null) return ownSeat;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  try {
    ownSeat = sessionStorage.getItem(SEAT_KEY) ?? made;
    sessionStorage.setItem(SEAT_KEY, ownSeat);
  } catch {
    ownSeat = made;
  }
  return ownSeat;
}

/** Asks who answers. @param before the name so far, which Escape keeps; empty: there must be one */
export function askName(before: string): Promise<string> {
  const dialog = element<HTMLDialogElement>('name-dialog');
  const input = element<HTMLInputElement>('name');
  const ask = (): void => {
    dialog.showModal();
    input.focus();
  };
  input.value = before;
  ask();
  return new Promise((resolve) => {
    const abort = new AbortController();
    const done = (name: string): void => {
      abort.abort();
      dialog.close();
      resolve(name);
    };
    const { signal } = abort;
    const submitted = (event: Event): void => {
      event.preventDefault();
      const name = input.value.trim();
      if (name !== '') done(name);
    };
    element('name-form').addEventListener('submit', submitted, { signal });
    // Not 'cancel': a browser closes a dialog without asking where nobody has touched the page yet.
    dialog.addEventListener('close', () => (before === '' ? ask() : done(before)), { signal });
  });
}
