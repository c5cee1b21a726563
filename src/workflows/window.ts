import { CancellationScope } from '@temporalio/workflow';

/**
 * Runs `work` for 0 … n - 1, at most `size` at a time, started in order: a sliding window, so that a slow shard holds up
 * nothing but its own place. The first failure stops new starts and is thrown once those in flight have settled, so that
 * no activity is left behind.
 */
export async function slidingWindow(n: number, size: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < n && !failed) {
      try {
        await work(next++);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(size, n) }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
}

/**
 * Runs all `work` at once. The first failure cancels the rest, whose results are of no use without it, and is thrown once
 * they have stopped, so that no activity is left behind.
 */
export async function together<T>(work: readonly (() => Promise<T>)[]): Promise<T[]> {
  const scope = new CancellationScope();
  const failures: unknown[] = [];
  const results = await scope.run(() =>
    Promise.all(
      work.map((one) =>
        one().catch((error: unknown) => {
          failures.push(error);
          scope.cancel();
          return undefined;
        }),
      ),
    ),
  );
  if (failures.length > 0) throw failures[0];
  return results as T[];
}
