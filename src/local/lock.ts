/** A process, told apart from a later one with the same id by when it started. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start: string;
}

export interface LockHolder extends ProcessIdentity {
  /** What it called itself when it took the lock. */
  readonly role: string;
}

interface LockModule {
  readonly startOf: (pid: number) => string | null;
  readonly isRunning: (identity: ProcessIdentity) => boolean;
  readonly self: () => ProcessIdentity;
  readonly holder: (folder: string) => LockHolder | null;
  readonly tryLock: (folder: string, role?: string) => (() => void) | null;
  readonly lock: (folder: string, onWait?: (holder: LockHolder | null) => void) => Promise<() => void>;
}

// Plain JavaScript in infra, since bootstrap takes the same locks before anything here is compiled.
const module = (await import(new URL('../../../infra/lock.mjs', import.meta.url).href)) as LockModule;

export const { startOf, isRunning, self, holder, tryLock, lock } = module;
