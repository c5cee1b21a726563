import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isErrorCode, problem } from '../contracts/errors.js';
import { learnerMessage } from '../contracts/learner.js';
import { CheckpointRelay } from './checkpoint-relay.js';
import { learnerEnvironment } from './environment.js';
import { learnerErrors } from './errors.js';
import type { ChildProcess } from 'node:child_process';
import type {
  DeviceInfo,
  Learner,
  LearnerMessage,
  LearnerRequest,
  LearnerTask,
  SampleResult,
  TaskListener,
  TrainResult,
} from '../contracts/learner.js';

export { recipeOf, specOf } from './recipe.js';

/** What the client logs to; a pino logger is one. */
export interface LearnerLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface LearnerOptions {
  logger?: LearnerLogger;
  /** Threads of one TensorFlow op; results are the same bits only for the same number. Default: the cores at hand. */
  threads?: number;
  /** Index of the GPU among those that this process sees. Default: TensorFlow's choice. */
  device?: number;
  /** Milliseconds until a process that is not ready is ended. Default: 3 minutes. */
  startLimit?: number;
}

/** A learner in a child process. */
export interface ForkedLearner extends Learner {
  /** Process id of the child, while there is one. */
  readonly pid: number | undefined;
}

/** How long a task has to stop and to write its checkpoint, in milliseconds, before the process is told to end. */
const STOP_GRACE = 20_000;
/** How long a process has to load its library: a gigabyte from a slow network disk. One that takes longer hangs. */
const START_LIMIT = 180_000;
/** How long the process has to end before it is killed. */
const END_GRACE = 5_000;
/** Lines of the child's stderr that an error quotes. */
const STDERR_LINES = 20;
/** Characters of a line that are quoted: a failure goes into the run's history, and TensorFlow prints whole graphs. */
const STDERR_WIDTH = 200;

/**
 * A learner in a child process of its own, forked when it is first needed and again after a death. The compute library
 * blocks a thread for the length of a step, does not give memory back and takes its process along when it crashes: none
 * of that may happen to the caller, which must go on heartbeating.
 *
 * A death rejects the running task with LEARNER_DIED; an abort stops it, if need be by SIGTERM and SIGKILL, and rejects
 * it with CANCELLED. One that hangs while it starts is ended too, with LEARNER_UNAVAILABLE. Tasks run one after the other.
 */
export function forkLearner(options: LearnerOptions = {}): ForkedLearner {
  return new ChildLearner(options);
}

interface Pending {
  id: number;
  task: LearnerTask;
  listener: TaskListener;
  checkpoints: CheckpointRelay;
  resolve(result: TrainResult | SampleResult): void;
  reject(error: unknown): void;
}

class ChildLearner implements ForkedLearner {
  private child: LearnerProcess | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private ids = 0;
  private closed = false;

  constructor(private readonly options: LearnerOptions) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async device(): Promise<DeviceInfo> {
    return this.process().ready;
  }

  async train(task: Extract<LearnerTask, { kind: 'train' }>, listener?: TaskListener): Promise<TrainResult> {
    const result = await this.run(task, listener);
    if (!('steps' in result)) throw learnerErrors.badResult(task.kind);
    return result;
  }

  async sample(task: Extract<LearnerTask, { kind: 'sample' }>, listener?: TaskListener): Promise<SampleResult> {
    const result = await this.run(task, listener);
    if (!('count' in result)) throw learnerErrors.badResult(task.kind);
    return result;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.child?.end();
  }

  private run(task: LearnerTask, listener: TaskListener = {}): Promise<TrainResult | SampleResult> {
    const result = this.last.then(async () => {
      if (listener.signal?.aborted) throw learnerErrors.cancelled();
      return this.process().run(++this.ids, task, listener);
    });
    this.last = result.catch(() => undefined);
    return result;
  }

  private process(): LearnerProcess {
    if (this.closed) throw learnerErrors.closed();
    this.child ??= new LearnerProcess(this.options, () => {
      this.child = undefined;
    });
    return this.child;
  }
}

/** One life of the child process. */
class LearnerProcess {
  readonly ready: Promise<DeviceInfo>;
  private readonly child: ChildProcess;
  private readonly gone: Promise<void>;
  private readonly stderr: string[] = [];
  private pending: Pending | undefined;
  private settleReady!: { resolve(device: DeviceInfo): void; reject(error: unknown): void };
  private ending = false;

  constructor(
    private readonly options: LearnerOptions,
    onGone: () => void,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = { resolve, reject };
    });
    this.child = fork(fileURLToPath(new URL('./main.js', import.meta.url)), {
      env: learnerEnvironment(process.env, options.threads, options.device),
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const startLimit = options.startLimit ?? START_LIMIT;
    const late = setTimeout(() => {
      this.fail(learnerErrors.notReady(startLimit));
      this.child.kill('SIGKILL');
    }, startLimit);
    // Whoever runs a task or asks for the device awaits it too; a rejection before that must not end this process.
    this.ready.then(
      () => clearTimeout(late),
      () => clearTimeout(late),
    );
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.keepStderr(text));
    this.child.on('message', (message) => this.receive(message));
    this.gone = new Promise((resolve) => {
      const end = (how: string): void => {
        onGone();
        this.fail(this.ending ? learnerErrors.closed() : learnerErrors.died(how, this.stderr));
        resolve();
      };
      this.child.on('error', (error) => {
        if (this.child.pid === undefined) end(error.message);
      });
      // 'exit' may come before the last of stderr; 'close' never comes where this side has closed the channel.
      this.child.on('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        const { stderr } = this.child;
        if (stderr === null || stderr.closed) end(how);
        else stderr.on('close', () => end(how));
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async run(id: number, task: LearnerTask, listener: TaskListener): Promise<TrainResult | SampleResult> {
    await this.ready;
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      this.send({ type: 'stop', id });
      timer ??= setTimeout(() => {
        this.options.logger?.warn({ pid: this.pid }, 'the learner does not stop; it is told to end');
        this.child.kill('SIGTERM');
        timer = setTimeout(() => this.child.kill('SIGKILL'), END_GRACE);
      }, STOP_GRACE);
    };
    try {
      return await new Promise((resolve, reject) => {
        const checkpoints = new CheckpointRelay(listener, stop);
        this.pending = { id, task, listener, checkpoints, resolve, reject };
        this.send({ type: 'run', id, task });
        if (listener.signal?.aborted) stop();
        listener.signal?.addEventListener('abort', stop);
      });
    } finally {
      clearTimeout(timer);
      listener.signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends the process: it exits by itself when the channel closes. */
  async end(): Promise<void> {
    this.ending = true;
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_GRACE);
    await this.gone;
    clearTimeout(timer);
  }

  /** A failed send means that the process is about to be gone, and `close` tells so. */
  private send(request: LearnerRequest): void {
    if (this.child.connected) this.child.send(request, () => undefined);
  }

  private receive(raw: unknown): void {
    const message = learnerMessage.safeParse(raw);
    if (!message.success) this.options.logger?.warn({ pid: this.pid, raw }, 'the learner sent an unknown message');
    else if (message.data.type === 'ready') this.settleReady.resolve(message.data.device);
    else if (message.data.type === 'failed' && message.data.id !== this.pending?.id) this.fail(errorOf(message.data));
    else if (message.data.id === this.pending?.id) this.advance(this.pending, message.data);
  }

  private advance(pending: Pending, message: Exclude<LearnerMessage, { type: 'ready' }>): void {
    if (message.type === 'progress') return pending.listener.onProgress?.(message.progress);
    if (message.type === 'checkpoint') return pending.checkpoints.offer(message);
    this.pending = undefined;
    // The listener's own error goes before what came of it, and the result waits for its last checkpoint.
    pending.checkpoints.settled().then(
      () => {
        if (message.type === 'done') pending.resolve(message.result);
        else if (message.type === 'failed') pending.reject(errorOf(message));
        else if (pending.listener.signal?.aborted) pending.reject(learnerErrors.cancelled());
        else pending.reject(learnerErrors.died('it was told to end', this.stderr));
      },
      (error: unknown) => pending.reject(error),
    );
  }

  private fail(error: Error): void {
    this.settleReady.reject(error);
    const { pending } = this;
    this.pending = undefined;
    pending?.reject(pending.listener.signal?.aborted ? learnerErrors.cancelled(error) : error);
  }

  private keepStderr(text: string): void {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    for (const line of lines) this.options.logger?.debug({ pid: this.pid, line }, 'learner');
    this.stderr.push(...lines.map((line) => line.slice(0, STDERR_WIDTH)));
    this.stderr.splice(0, this.stderr.length - STDERR_LINES);
  }
}

const errorOf = ({ code, message }: { code: string; message: string }): Error =>
  problem(isErrorCode(code) ? code : 'INTERNAL', message);
