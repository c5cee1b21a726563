/** Keys that choose a class: digits first, as they lie on the keyboard, then letters. */
const POOL = [...'1234567890abcdefghijklmnopqrstuvwxyz'];

/** More classes than this are found by typing. */
export const MOST_KEYS = POOL.length;

/**
 * A key for every class, in the classes' order; null where there are more classes than keys. A class that is called like
 * a key has that key, so that digits are answered by themselves.
 */
export function assignKeys(classes: readonly string[]): readonly string[] | null {
  if (classes.length > MOST_KEYS) return null;
  const own = classes.map((name) => (POOL.includes(name.toLowerCase()) ? name.toLowerCase() : null));
  const taken = new Set<string>();
  const keys = own.map((key) => {
    if (key === null || taken.has(key)) return null;
    taken.add(key);
    return key;
  });
  const free = POOL.filter((key) => !taken.has(key));
  return keys.map((key) => key ?? (free.shift() as string));
}

export type Command = 'unsure' | 'none' | 'undo' | 'zoom' | 'grid' | 'help' | 'search' | 'send';

/** Keys of everything that is no class: no digit and no letter, so that all of these are left for classes. */
export const COMMAND_KEYS: Readonly<Record<Command, { key: string; shown: string }>> = {
  unsure: { key: ',', shown: ',' },
  none: { key: '.', shown: '.' },
  undo: { key: 'Backspace', shown: '⌫' },
  zoom: { key: '+', shown: '+' },
  grid: { key: '*', shown: '*' },
  help: { key: '?', shown: '?' },
  search: { key: '/', shown: '/' },
  send: { key: 'Control+Enter', shown: 'Ctrl ↵' },
};

export interface Pressed {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** What a key stands for: a class's key, a command, or nothing of ours. */
export function meaningOf(pressed: Pressed): { class: string } | { command: Command } | null {
  const { key, code, ctrlKey, metaKey, altKey, shiftKey } = pressed;
  if (key === 'Enter' && (ctrlKey || metaKey)) return { command: 'send' };
  if ((ctrlKey || metaKey) && key.toLowerCase() === 'z' && !shiftKey) return { command: 'undo' };
  if (ctrlKey || metaKey || altKey) return null;
  const lower = key.toLowerCase();
  if (POOL.includes(lower)) return { class: lower };
  // French keyboards have other characters on the digits' keys.
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  if (digit !== undefined && !shiftKey) return { class: digit };
  // The plus sign of English keyboards, without its shift.
  if (key === '=') return { command: 'zoom' };
  for (const [command, { key: own }] of Object.entries(COMMAND_KEYS))
    if (own === key) return { command: command as Command };
  return null;
}
