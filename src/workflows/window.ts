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
