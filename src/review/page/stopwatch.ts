/** Counts the seconds for which the page was visible since `start`: a person who went for lunch did not look. */
export class Stopwatch {
  private counted = 0;
  private since: number | null = null;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.since ??= performance.now();
      else this.stop();
    });
  }

  /** @param already seconds that count from before */
  start(already = 0): void {
    this.counted = already * 1000;
    this.since = document.visibilityState === 'visible' ? performance.now() : null;
  }

  /** Seconds, to a millisecond. */
  read(): number {
    const running = this.since === null ? 0 : performance.now() - this.since;
    return Math.round(this.counted + running) / 1000;
  }

  private stop(): void {
    if (this.since !== null) this.counted += performance.now() - this.since;
    this.since = null;
  }
}
