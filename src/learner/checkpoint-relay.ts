import type { TaskListener } from '../contracts/learner.js';

type Checkpoint = { step: number; path: string };

/**
 * Hands checkpoints on to a listener, one at a time. While it is busy with one, only the newest of those that come
 * is kept: files of older ones may be gone by then.
 */
export class CheckpointRelay {
  private next: Checkpoint | undefined;
  private running: Promise<void> | undefined;
  private failure: { error: unknown } | undefined;

  /** @param onFailure called once, when the listener rejects */
  constructor(
    private readonly listener: TaskListener,
    private readonly onFailure: () => void,
  ) {}

  offer(checkpoint: Checkpoint): void {
    this.next = checkpoint;
    this.running ??= this.drain();
  }

  /** Settles when the listener is done with all; rejects with its first error. */
  async settled(): Promise<void> {
    await this.running;
    if (this.failure !== undefined) throw this.failure.error;
  }

  private async drain(): Promise<void> {
    while (this.next !== undefined && this.failure === undefined) {
      const checkpoint = this.next;
      this.next = undefined;
      try {
        await this.listener.onCheckpoint?.(checkpoint);
      } catch (error) {
        this.failure = { error };
        this.onFailure();
      }
    }
    this.running = undefined;
  }
}
