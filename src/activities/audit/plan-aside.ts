import { Worker } from 'node:worker_threads';
import type { Planned, PlanInput } from '../../labelling/audit/index.js';

/**
 * Plans in a thread of its own: it computes for seconds (2 s for 400 answers, 25 s for 20,000 on a busy machine), and this
 * process has heartbeats to send, a training's among them.
 */
export function planAside(input: PlanInput): Promise<Planned> {
  const worker = new Worker(new URL('./plan-thread.js', import.meta.url), { workerData: input });
  return new Promise<Planned>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the planning thread ended without a plan')));
  });
}
