import {
  CancellationScope,
  condition,
  defineQuery,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';
import { MEMO_RUN, QUERY_STATUS, UPDATE_PAUSE, UPDATE_RESUME } from '../contracts/names.js';
import { stoppedOnRequest } from './failures.js';
import type { RunMemo, RunState, StageName } from '../contracts/run.js';

const statusQuery = defineQuery<RunState>(QUERY_STATUS);
const pauseUpdate = defineUpdate<RunState>(UPDATE_PAUSE);
const resumeUpdate = defineUpdate<RunState>(UPDATE_RESUME);

/** Steers a run: answers queries, pauses and resumes, and tells the Web UI in words what goes on. */
export class Control {
  private scope: CancellationScope | undefined;
  /** The stage in flight was cancelled by pause, not by the user's cancel; resume may come before it has ended. */
  private interrupted = false;

  /** Registers the handlers; call it before the first await, as an update without a handler is rejected. */
  constructor(readonly state: RunState) {
    setHandler(statusQuery, () => this.state, { description: 'Round, stage and counts of the run.' });
    setHandler(
      pauseUpdate,
      () => {
        if (this.state.status === 'running') this.state.status = 'paused';
        this.interrupted = this.scope !== undefined;
        this.scope?.cancel();
        this.describe();
        return this.state;
      },
      { description: 'Stop work at the next checkpoint and wait for resume.' },
    );
    setHandler(
      resumeUpdate,
      () => {
        if (this.state.status === 'paused') this.state.status = 'running';
        this.describe();
        return this.state;
      },
      { description: 'Go on after pause.' },
    );
  }

  /** True while the user wants the run to rest. */
  get paused(): boolean {
    return this.state.status === 'paused';
  }

  /**
   * Runs one stage. Pause cancels its activities, which checkpoint and stop; resume runs the stage again, and it goes on
   * from the checkpoint, or from the store for shards that are done.
   *
   * @param work is given words for its activity in the Web UI
   */
  async stage<T>(name: StageName, work: (summary: string) => Promise<T>): Promise<T> {
    for (;;) {
      await condition(() => !this.paused);
      this.state.stage = name;
      this.describe();
      this.interrupted = false;
      this.scope = new CancellationScope();
      try {
        return await this.scope.run(() => work(`round ${this.state.round}: ${name}`));
      } catch (error) {
        const paused = stoppedOnRequest(error) && this.interrupted && !CancellationScope.current().consideredCancelled;
        if (!paused) throw error;
      } finally {
        this.scope = undefined;
      }
    }
  }

  shardsDone(done: number): void {
    this.state.shards.done = done;
    this.describe();
  }

  /** Writes what must be readable while no worker is up. */
  remember(): void {
    const { round, rounds, budget, pool, settings, dataset, history, labels, startedAt } = this.state;
    const memo: RunMemo = { round, rounds, budget, pool, settings, dataset, history, labels, startedAt };
    upsertMemo({ [MEMO_RUN]: memo });
    this.describe();
  }

  private describe(): void {
    const { status, round, rounds, stage, shards, pool } = this.state;
    const where = stage === 'sample' ? `${stage}, shard ${shards.done} of ${shards.total}` : stage;
    const labelled = pool.total ? `\n\n${pool.labelled} of ${pool.total} pool images labelled so far.` : '';
    setCurrentDetails(`**Round ${round} of ${rounds}: ${where}** (${status})${labelled}`);
  }
}
