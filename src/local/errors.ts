import type { LabelloopError } from '../contracts/errors.js';
import { problem } from '../contracts/errors.js';

/** All that can go wrong with the embedded stack and its set-up: place, cause, remedy. */
export const localErrors = {
  /** No source gave what is needed; `tried` has a line for each. */
  notObtained: (name: string, tried: readonly string[], remedy: string): LabelloopError =>
    problem(
      'SETUP_FAILED',
      `${name} could not be set up.\n${tried.map((line) => `  - ${line}`).join('\n')}\n${remedy}`,
    ),

  /** A program that set-up runs ended with an error. */
  commandFailed: (command: string, code: number | string, output: string): LabelloopError =>
    problem('SETUP_FAILED', `'${command}' ended with ${code}: ${lastLines(output, 8)}`),

  commandMissing: (command: string): LabelloopError =>
    problem('SETUP_FAILED', `'${command}' is not on PATH. Install it, or put its folder on PATH.`),

  /** A fetched file is not what the pin says. */
  checksum: (file: string, got: string, expected: string): LabelloopError =>
    problem(
      'SETUP_FAILED',
      `${file}: SHA-256 is ${got}, expected ${expected}. The download was altered on its way; ask who runs your package mirror.`,
    ),

  archiveBroken: (file: string, what: string): LabelloopError =>
    problem('SETUP_FAILED', `${file}: ${what}. Run the same command again; it fetches the file anew.`),

  noPin: (name: string, target: string): LabelloopError =>
    problem('SETUP_FAILED', `there is no pinned ${name} for ${target}`),

  noPython: (): LabelloopError =>
    problem('SETUP_FAILED', 'no Python 3 with pip on PATH (tried python3, python). Install python3 and python3-pip.'),

  noCompiler: (): LabelloopError =>
    problem('SETUP_FAILED', 'no C++ compiler on PATH (tried $CXX, g++, c++, clang++). Install g++ or clang.'),

  /** Something of the stack was not healthy in time. */
  notHealthy: (name: string, seconds: number, log: string, tail: string): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `${name} was not healthy after ${seconds} s. The last lines of ${log}:\n${tail}\nMend what they name, then 'labelloop up' again; 'labelloop doctor' shows what is missing.`,
    ),

  /** The supervisor of this home neither stops nor lets itself be ended. */
  notStopped: (what: string, pid: number): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `${what} (process ${pid}) does not end. Look at it with 'ps -p ${pid}', end it, and run 'labelloop down' again.`,
    ),

  homeNotWritable: (home: string, cause: unknown): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `${home} can't be written: ${cause instanceof Error ? cause.message : String(cause)}. Mend its permissions, or set LABELLOOP_HOME to another folder.`,
      cause,
    ),
};

const lastLines = (text: string, count: number): string => text.trim().split('\n').slice(-count).join('\n');
