import { spawn } from 'node:child_process';
import fs from 'node:fs';
import type { ProcessIdentity } from '../lock.js';
import { isRunning, startOf } from '../lock.js';
import type { Paths } from '../../contracts/paths.js';
import type { ProcessRecord, ProcessState } from './records.js';
import { dropRecord, logOf, readRecord, writeRecord } from './records.js';
import type { Service } from './services.js';
import { endGroup, signal, stopProcess } from './stop.js';

const BACKOFF_MS = { first: 500, most: 10_000 } as const;
/** A process that was well for so long had a new reason to end; the next restart is quick again. */
const STEADY_MS = 60_000;
/** A process that lives but has not been well for so long hangs. First starts on slow disks take less. */
const HUNG_MS = 60_000;
/** A log beyond this is moved to `.1`: two of them bound the disk that a process can fill. */
const LOG_BYTES = 20 * 2 ** 20;

/** One process of the stack, kept alive: started, taken over, watched, started again. */
export class ManagedProcess {
  readonly service: Service;
  readonly #paths: Paths;
  readonly #env: NodeJS.ProcessEnv;
  readonly #say: (line: string) => void;
  #record: ProcessRecord | null = null;
  #healthy = false;
  /** When it was last seen well, or else started; milliseconds since 1970. */
  #lastWell = 0;
  #steadySince = 0;
  #restarts = 0;
  #backoff: number = BACKOFF_MS.first;
  #notBefore = 0;

  constructor(service: Service, paths: Paths, env: NodeJS.ProcessEnv, say: (line: string) => void) {
    this.service = service;
    this.#paths = paths;
    this.#env = env;
    this.#say = say;
    const found = readRecord(paths, service.name);
    if (found === null) return;
    this.#restarts = found.restarts;
    this.#record = found;
    this.#lastWell = Date.now();
    if (isRunning(found)) say(`${service.name}: taken over, process ${found.pid}`);
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  get state(): ProcessState {
    const { name } = this.service;
    const running = this.#record !== null && isRunning(this.#record) ? this.#record : null;
    return {
      name,
      pid: running?.pid ?? null,
      healthy: running !== null && this.#healthy,
      restarts: this.#restarts,
      since: running?.since ?? null,
      log: logOf(this.#paths, name),
    };
  }

  /**
   * Looks after the process once: notes its end, starts it, or asks how it is.
   *
   * @param ready whether all that it needs is well
   * @returns true if it was started at another address than before
   */
  async tend(ready: boolean): Promise<boolean> {
    if (this.#record !== null && !isRunning(this.#record)) this.#noteEnd(this.#record);
    if (this.#record === null) {
      return ready && Date.now() >= this.#notBefore ? await this.#start() : false;
    }
    await this.#look(this.#record);
    this.#rotateLog();
    return false;
  }

  /** Ends it; `tend` starts it again. */
  async restart(): Promise<void> {
    await stopProcess(this.#paths, this.service.name, this.service.stopMs);
    this.#record = null;
    this.#healthy = false;
  }

  #noteEnd(record: ProcessRecord): void {
    endGroup(record);
    dropRecord(this.#paths, this.service.name);
    this.#record = null;
    this.#healthy = false;
    this.#restarts += 1;
    this.#notBefore = Date.now() + this.#backoff;
    this.#say(`${this.service.name}: process ${record.pid} ended; starting it again in ${this.#backoff / 1000} s`);
    this.#backoff = Math.min(BACKOFF_MS.most, this.#backoff * 2);
  }

  async #start(): Promise<boolean> {
    const { name } = this.service;
    const { command, args, env, moved } = await this.service.prepare();
    // Appending, so that the log can be cut while the process writes; files, not pipes, so that it outlives us.
    const log = fs.openSync(logOf(this.#paths, name), 'a');
    const child = spawn(command, args, {
      cwd: this.#paths.home,
      env: { ...this.#env, ...env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.on('error', (error) => this.#say(`${name}: can't be started: ${error.message}`));
    child.unref();
    fs.closeSync(log);
    const identity = child.pid === undefined ? null : identityOf(child.pid);
    this.#lastWell = Date.now();
    if (identity === null) {
      this.#notBefore = Date.now() + this.#backoff;
      this.#backoff = Math.min(BACKOFF_MS.most, this.#backoff * 2);
      this.#restarts += 1;
      return moved;
    }
    this.#record = { ...identity, since: new Date().toISOString(), restarts: this.#restarts };
    writeRecord(this.#paths, name, this.#record);
    this.#say(`${name}: started, process ${identity.pid}`);
    return moved;
  }

  async #look(record: ProcessRecord): Promise<void> {
    const well = await this.service.healthy(record.pid);
    const now = Date.now();
    if (well !== this.#healthy) {
      this.#say(`${this.service.name}: ${well ? 'well' : 'not well'}`);
      if (well) this.#steadySince = now;
    }
    this.#healthy = well;
    if (well) {
      this.#lastWell = now;
      if (now - this.#steadySince > STEADY_MS) this.#backoff = BACKOFF_MS.first;
    } else if (now - this.#lastWell > HUNG_MS) {
      this.#say(`${this.service.name}: process ${record.pid} hangs, ending it`);
      signal(record, 'SIGKILL');
    }
  }

  #rotateLog(): void {
    const log = logOf(this.#paths, this.service.name);
    if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) < LOG_BYTES) return;
    fs.copyFileSync(log, `${log}.1`);
    fs.truncateSync(log);
  }
}

function identityOf(pid: number): ProcessIdentity | null {
  const start = startOf(pid);
  return start === null ? null : { pid, start };
}
