import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Measurement {
  figure: number;
  seconds: number;
  /** Bytes. */
  peak: number;
}

/** A child that is warm and waits: it uses the cores only while it is asked for a figure. */
export class Contestant {
  readonly measurements: Measurement[] = [];
  facts: Record<string, unknown> = {};
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private errors = '';

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    const child = spawn(command, args, { env, stdio: 'pipe' });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors = (this.errors + text).slice(-2000)));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => (this.errors += error.message));
    this.child = child;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when it is warm. */
  async ready(): Promise<void> {
    this.facts = (await this.next()) as Record<string, unknown>;
  }

  async measure(): Promise<Measurement> {
    this.child.stdin?.write('\n');
    const measurement = (await this.next()) as Measurement;
    this.measurements.push(measurement);
    return measurement;
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stdin?.end();
    await gone;
  }

  private async next(): Promise<unknown> {
    for (;;) {
      const line = await this.lines.next();
      if (line.done) throw new Error(`${this.name} ended without a figure:\n${this.errors}`);
      // Libraries print to standard output, too.
      if (line.value.startsWith('{')) return JSON.parse(line.value);
    }
  }
}
