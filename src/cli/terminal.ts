import process from 'node:process';

/** Where a verb writes: results to `out`, progress and hints to `err`. */
export interface Terminal {
  out: { write(text: string): unknown; columns?: number | undefined };
  err: { write(text: string): unknown; columns?: number | undefined; isTTY?: boolean | undefined };
  /** Calls `listener` at Ctrl-C, once; the function that comes back takes it off again. */
  onInterrupt(listener: () => void): () => void;
}

export const processTerminal: Terminal = {
  out: process.stdout,
  err: process.stderr,
  onInterrupt(listener) {
    // once: a second Ctrl-C ends the process as it would without a listener.
    process.once('SIGINT', listener);
    return () => process.off('SIGINT', listener);
  },
};

/** A verb stopped because of Ctrl-C; the message says what goes on and how to come back. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/**
 * Runs `work` until it ends or the user presses Ctrl-C. Does not wait for `work` after Ctrl-C: what it watches goes on
 * elsewhere, and a server that does not answer must not hold the terminal.
 *
 * @throws Interrupted with the message that `onInterrupt` gives
 */
export async function untilInterrupt<T>(
  terminal: Terminal,
  onInterrupt: () => string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  let off = (): void => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    off = terminal.onInterrupt(() => {
      reject(new Interrupted(onInterrupt()));
      abort.abort();
    });
  });
  try {
    return await Promise.race([work(abort.signal), interrupted]);
  } finally {
    off();
  }
}
