import { createHash } from 'node:crypto';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import canonicalize from 'canonicalize';
import { complaintsOf } from '../contracts/complaints.js';
import { datasetManifest } from '../contracts/dataset.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import { ADAPT_WORKFLOW_TYPE, MEMO_RUN, QUERY_STATUS, TASK_QUEUE, WORKFLOW_TYPE } from '../contracts/names.js';
import { hasEnded } from '../contracts/run-status.js';
import type { RunStatus } from '../contracts/run-status.js';
import type { RunMemo, RunState, RunSummary } from '../contracts/run.js';
import { runSettings } from '../contracts/settings.js';
import type { RunSettings, RunSettingsInput } from '../contracts/settings.js';
import { comparisonFile, historyFile } from '../contracts/stages.js';
import type { ComparisonFile, RoundRecord } from '../contracts/stages.js';
import type { Store } from '../store/index.js';
import { clientErrors } from './errors.js';
import { asClientError, failureOf } from './failures.js';
import type { RunFacts } from './facts.js';

export interface RunListEntry {
  run: string;
  status: RunStatus;
  dataset: string | null;
  round: number;
  startedAt: string;
}

/** How long a question to a run may take before the answer is "waiting": its worker may be down. */
const ANSWER_MS = 3_000;

/** The workflows of runs: what the server and the store know of them, and the messages that steer them. */
export class Runs {
  constructor(
    private readonly client: Client,
    private readonly store: Store,
  ) {}

  /** @see Labelloop.start */
  async start(settings: RunSettingsInput, options: { run?: string } = {}): Promise<{ run: string }> {
    const checked = runSettings.safeParse(settings);
    if (!checked.success) throw clientErrors.badSettings(complaintsOf(checked.error, settings));
    const run = options.run ?? runId(checked.data);
    if (options.run !== undefined) await this.refuseOtherSettings(run, checked.data);
    const { adapt, dataset, seed } = checked.data;
    await this.client.workflow.start(adapt ? ADAPT_WORKFLOW_TYPE : WORKFLOW_TYPE, {
      taskQueue: TASK_QUEUE,
      workflowId: run,
      args: [checked.data],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: adapt
        ? `Move the model of ${adapt.from} to dataset ${dataset} (seed ${seed})`
        : `Label dataset ${dataset} (seed ${seed})`,
    });
    return { run };
  }

  /** What is known of a run. @throws RUN_UNKNOWN */
  async facts(run: string): Promise<RunFacts> {
    const handle = this.client.workflow.getHandle(run);
    const description = await handle.describe().catch((error: unknown) => {
      throw asClientError(run, error);
    });
    if (description.type !== WORKFLOW_TYPE && description.type !== ADAPT_WORKFLOW_TYPE)
      throw clientErrors.unknownRun(run);
    const memo = memoOf(description);
    const facts: RunFacts = {
      run,
      status: statusOf(description.status.name),
      memo,
      live: null,
      description,
      summary: null,
      error: null,
    };
    if (facts.status === 'running') {
      facts.live = await this.answerOf(handle);
      facts.status = liveStatusOf(facts.live);
    } else {
      try {
        facts.summary = (await handle.result()) as RunSummary;
      } catch (error) {
        facts.error = failureOf(error);
      }
    }
    return facts;
  }

  /** @see Labelloop.list */
  async list(): Promise<RunListEntry[]> {
    const entries = new Map<string, RunListEntry>();
    const query = `WorkflowType IN ('${WORKFLOW_TYPE}', '${ADAPT_WORKFLOW_TYPE}') AND ExecutionStatus != 'ContinuedAsNew'`;
    for await (const info of this.client.workflow.list({ query })) {
      if (entries.has(info.workflowId)) continue;
      const memo = memoOf(info);
      entries.set(info.workflowId, {
        run: info.workflowId,
        status: statusOf(info.status.name),
        dataset: memo?.settings?.dataset ?? null,
        round: memo?.round ?? 0,
        startedAt: new Date(memo?.startedAt ?? info.startTime).toISOString(),
      });
    }
    await Promise.all(
      [...entries.values()]
        .filter(({ status }) => status === 'running')
        .map(async (entry) => (entry.status = await this.liveStatus(entry.run))),
    );
    return [...entries.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  /** Sends a run under way a message, and waits until it took it. @throws RUN_UNKNOWN; where no worker is up, or the run has ended */
  async update(run: string, name: string): Promise<void> {
    const facts = await this.facts(run);
    if (facts.status === 'waiting') throw clientErrors.noWorker(run);
    if (!facts.live) throw clientErrors.ended(run, facts.status);
    await this.client.workflow.getHandle(run).executeUpdate(name);
  }

  /** @see Labelloop.cancel */
  async cancel(run: string): Promise<void> {
    const { status } = await this.facts(run);
    if (hasEnded(status)) throw clientErrors.ended(run, status);
    await this.client.workflow.getHandle(run).cancel();
  }

  /** @see Labelloop.result */
  async result(run: string): Promise<RunSummary> {
    try {
      return (await this.client.workflow.getHandle(run).result()) as RunSummary;
    } catch (error) {
      throw asClientError(run, error);
    }
  }

  /** The dataset of a run, null before its first stage has found it. */
  async manifestOf({ memo }: RunFacts): Promise<DatasetManifest | null> {
    return memo?.dataset ? this.store.readJson(memo.dataset, datasetManifest) : null;
  }

  /** The rounds that are done. */
  async rounds({ summary, memo }: RunFacts): Promise<RoundRecord[]> {
    const history = summary?.history ?? memo?.history;
    return history ? (await this.store.readJson(history, historyFile)).rounds : [];
  }

  /** The closing comparison with hidden labels; null where there is none (yet). */
  async comparison({ summary }: RunFacts): Promise<ComparisonFile | null> {
    return summary?.comparison ? this.store.readJson(summary.comparison, comparisonFile) : null;
  }

  /** An id that the user gave says nothing about the settings, and Temporal would hand over the run that has it. */
  private async refuseOtherSettings(run: string, settings: RunSettings): Promise<void> {
    const description = await this.client.workflow
      .getHandle(run)
      .describe()
      .catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      });
    const memo = description && memoOf(description);
    if (description?.status.name !== 'RUNNING' || !memo?.settings) return;
    if (canonicalize(memo.settings) !== canonicalize(settings)) throw clientErrors.taken(run);
  }

  private async liveStatus(run: string): Promise<RunStatus> {
    return liveStatusOf(await this.answerOf(this.client.workflow.getHandle(run)));
  }

  private async answerOf(handle: WorkflowHandle): Promise<RunState | null> {
    try {
      return await this.client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<RunState>(QUERY_STATUS));
    } catch {
      return null;
    }
  }
}

/** The same settings have the same id, so that starting them twice finds the run. */
function runId(settings: RunSettings): string {
  const digest = createHash('sha256')
    .update(canonicalize(settings) ?? '')
    .digest('hex');
  return `${settings.dataset}-${digest.slice(0, 8)}`;
}

/** What a run has written down for readers while no worker is up; null before it did. */
const memoOf = ({ memo }: { memo?: Record<string, unknown> }): RunMemo | null =>
  (memo?.[MEMO_RUN] as RunMemo | undefined) ?? null;

function statusOf(name: string): RunStatus {
  switch (name) {
    case 'COMPLETED':
      return 'completed';
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled';
    case 'FAILED':
    case 'TIMED_OUT':
      return 'failed';
    default:
      return 'running';
  }
}

/** Of a run that has not ended, by its answer; none where no worker is up. */
const liveStatusOf = (live: RunState | null): RunStatus =>
  live === null ? 'waiting' : live.status === 'paused' ? 'paused' : 'running';
