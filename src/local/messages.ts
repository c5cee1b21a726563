/** Where a provisioned thing came from, in the words the user reads. */
export type Source = 'PATH' | 'cache' | 'Python wheel' | 'go install' | "the package's installer";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The progress lines of set-up and of the stack. */
export const messages = {
  found: (name: string, version: string, source: Source): string => `${name} ${version}: from ${source}`,
  configured: (name: string, where: string): string => `${name}: ${where}, as configured`,
  begin: (name: string, how: string): string => `${name}: ${how} …`,
  still: (name: string, ms: number): string => `${name}: still at it, ${Math.round(ms / 1000)} s`,
  done: (name: string, version: string, source: Source, ms: number): string =>
    `${name} ${version}: from ${source}, ${seconds(ms)}`,
  waiting: (name: string, pid: number | undefined): string =>
    `${name}: another process (${pid ?? 'unknown'}) is setting it up; waiting for it`,
  fallback: (name: string, reason: string): string => `${name}: ${reason}; trying the next source`,
  without: (name: string, reason: string): string => `${name}: not available, going on without it (${reason})`,
  codeChanged: (): string => 'the code has changed since the stack was started; starting it anew …',
  alreadyUp: (): string => 'the stack is up',
  starting: (what: readonly string[]): string => `starting ${what.join(', ')} …`,
  up: (ms: number): string => `the stack is up, ${seconds(ms)}`,
  stopping: (): string => 'stopping the stack; workers save what they have …',
  down: (ms: number): string => `the stack is down, ${seconds(ms)}; its data stay`,
};

/** Takes one progress line, without a line end. */
export type OnLine = (line: string) => void;
