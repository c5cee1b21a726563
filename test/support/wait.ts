import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `look` gives a value that is neither null, undefined nor false; throws after `seconds`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  seconds = 60,
  everyMs = 50,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await look();
    if (value !== null && value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`gave up after ${seconds} s waiting for: ${what}`);
    await sleep(everyMs);
  }
}
