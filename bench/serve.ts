import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * The child's side of a measurement, the same as the peers' in `bench/peers/common.py`: says that it is warm, then
 * measures once for every line on standard input.
 */
export async function serve(measure: () => Promise<number>, facts: Record<string, unknown> = {}): Promise<void> {
  console.log(JSON.stringify({ ready: true, ...facts }));
  const asked = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  while (!(await asked.next()).done) {
    const begun = performance.now();
    const figure = await measure();
    const seconds = (performance.now() - begun) / 1000;
    console.log(JSON.stringify({ figure, seconds, peak: peakMemory() }));
  }
}

/** Most resident memory of this process so far, bytes. */
export function peakMemory(): number {
  const kilobytes = /^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return 1024 * (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes));
}
