import type { TaskListener } from '../contracts/learner.js';

/** Milliseconds between two reports: often enough to look alive, too rare to cost anything. */
const INTERVAL = 500;

/** Reports how a task gets on, and how fast it is since the last report. */
export class Pace {
  private reportedAt = performance.now();
  private reportedDone: number;

  /**
   * @param total steps or images in all; it may shrink on the way
   * @param images images that one of `total` stands for
   * @param done how many were done before the task began
   */
  constructor(
    public total: number,
    private readonly images: number,
    done: number,
    private readonly listener: TaskListener,
  ) {
    this.reportedDone = done;
  }

  report(done: number, loss: () => number | null): void {
    const now = performance.now();
    const elapsed = now - this.reportedAt;
    if (elapsed < INTERVAL && done < this.total) return;
    const imagesPerSecond = ((done - this.reportedDone) * this.images * 1000) / Math.max(elapsed, 1);
    this.listener.onProgress?.({ done, total: this.total, imagesPerSecond, loss: loss() });
    this.reportedAt = now;
    this.reportedDone = done;
  }
}
