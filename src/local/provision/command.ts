import type { SpawnOptionsWithoutStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { localErrors } from '../errors.js';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** After this many milliseconds the command is ended and fails. */
  readonly timeout?: number;
}

/**
 * Runs a program to its end and gives back what it printed to stdout.
 *
 * @throws SETUP_FAILED with the end of its output, or if there is no such program
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const spawnOptions: SpawnOptionsWithoutStdio = { ...options, stdio: 'pipe', killSignal: 'SIGKILL' };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, spawnOptions);
    child.stdin.end();
    let stdout = '';
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      all += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (all += chunk));
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? localErrors.commandMissing(command) : error),
    );
    child.on('close', (code, signal) =>
      code === 0
        ? resolve(stdout)
        : reject(localErrors.commandFailed([command, ...args].join(' '), code ?? signal ?? 'no code', all)),
    );
  });
}

/** The output of a short command, or null if it is not there or fails. */
export async function outputOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  try {
    return await runCommand(command, args, { env, timeout: 20_000 });
  } catch {
    return null;
  }
}

/** The first executable file of that name on PATH, or null. */
export function onPath(name: string, env: NodeJS.ProcessEnv = process.env): string | null {
  for (const folder of (env['PATH'] ?? '').split(path.delimiter).filter((each) => each !== '')) {
    const file = path.join(folder, name);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (fs.statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
