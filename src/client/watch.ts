import { hasEnded } from '../contracts/run-status.js';
import type { RunProgress } from '../contracts/run.js';

/** How long a watcher bears with a server that does not answer, before it gives up; a restart takes seconds. */
const PATIENCE_MS = 120_000;

/** @see Labelloop.watch */
export async function* watch(
  look: () => Promise<RunProgress>,
  options: { signal?: AbortSignal; intervalMs?: number },
): AsyncGenerator<RunProgress> {
  const interval = options.intervalMs ?? 1_000;
  let lastAnswer = Date.now();
  while (!options.signal?.aborted) {
    try {
      const progress = await look();
      lastAnswer = Date.now();
      yield progress;
      if (hasEnded(progress.status)) return;
    } catch (error) {
      const known = error instanceof Error && 'code' in error && error.code === 'RUN_UNKNOWN';
      if (known || Date.now() - lastAnswer > PATIENCE_MS) throw error;
    }
    await rest(interval, options.signal);
  }
}

function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
