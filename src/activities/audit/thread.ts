import { Worker } from 'node:worker_threads';

/**
 * Computes in a thread of its own: what takes seconds here would keep this process from its heartbeats, a training's among
 * them.
 *
 * @param script beside this file: posts one message, its result, and ends
 * @throws what the thread threw
 */
export function inThread<Result>(script: string, workerData: unknown): Promise<Result> {
  const worker = new Worker(new URL(script, import.meta.url), { workerData });
  return new Promise<Result>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error(`the thread of ${script} ended without a result`)));
  });
}
