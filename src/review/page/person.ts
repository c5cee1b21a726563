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
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  try {
    ownSeat = sessionStorage.getItem(SEAT_KEY) ?? made;
    sessionStorage.setItem(SEAT_KEY, ownSeat);
  } catch {
    ownSeat = made;
  }
  return ownSeat;
}

/** Asks who answers. */
export function askName(before: string): Promise<string> {
  const dialog = element<HTMLDialogElement>('name-dialog');
  const input = element<HTMLInputElement>('name');
  input.value = before;
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    const done = (event: Event): void => {
      event.preventDefault();
      const name = input.value.trim();
      if (name === '') return input.focus();
      dialog.close();
      element('name-form').removeEventListener('submit', done);
      resolve(name);
    };
    element('name-form').addEventListener('submit', done);
    // Without a name there is nobody to answer; with one, Escape leaves it as it is.
    dialog.addEventListener('cancel', (event) => {
      if (before === '') event.preventDefault();
      else element('name-form').removeEventListener('submit', done);
    });
  });
}
