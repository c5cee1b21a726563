import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { auditPaths, auditProgress, dueFile, openedAudit } from '../contracts/audit-stages.js';
import type { AuditInput, AuditSource } from '../contracts/audit-stages.js';
import { auditState } from '../contracts/audit.js';
import type { Answer, AuditState } from '../contracts/audit.js';
import { complaintsOf } from '../contracts/complaints.js';
import {
  AUDIT_WORKFLOW_TYPE,
  auditWorkflowId,
  QUERY_AUDIT,
  TASK_QUEUE,
  UPDATE_ANSWER,
  UPDATE_NONCE,
  UPDATE_STOP,
} from '../contracts/names.js';
import { LabelloopError } from '../contracts/errors.js';
import { certifySettings } from '../contracts/settings.js';
import type { CertifySettingsInput } from '../contracts/settings.js';
import type { Store } from '../store/index.js';
import { clientErrors } from './errors.js';
import { failureOf } from './failures.js';
import { nextFor } from './queue.js';
import type { Asked } from './queue.js';

/** How long a question to an audit may take before its worker counts as down. */
const ANSWER_MS = 3_000;
/** How long a message may take: a pool of a million images is read by then. */
const MESSAGE_MS = 60_000;

/** The audits of runs: where they stand, and the messages that steer them. */
export class Audits {
  constructor(
    private readonly client: Client,
    private readonly store: Store,
  ) {}

  /** How many audits of a run were ever opened. */
  async opened(run: string): Promise<number> {
    return (await this.store.listPointers(auditPaths.ledger(run))).length;
  }

  /** A run's audit by number, or its last; null where there is none. */
  async find(run: string, audit?: number): Promise<AuditState | null> {
    if (audit !== undefined) return this.look(run, audit);
    const opened = await this.opened(run);
    // One that is being planned, or that found no plan, has no line in the ledger yet.
    return (await this.look(run, opened + 1)) ?? (opened > 0 ? await this.look(run, opened) : null);
  }

  /** A run's last audit as a view has it: one that failed before it opened must not keep the rest of its run from view. */
  async shown(run: string): Promise<AuditState | null> {
    try {
      return await this.find(run);
    } catch (error) {
      if (!(error instanceof LabelloopError)) throw error;
      const opened = await this.opened(run);
      return opened > 0 ? this.look(run, opened) : null;
    }
  }

  /** @throws AUDIT_UNKNOWN; STACK_UNAVAILABLE where it has begun and no worker is up to plan it */
  async get(run: string, audit?: number): Promise<AuditState> {
    const found = await this.find(run, audit);
    if (found) return found;
    if (await this.isRunning(run, audit ?? (await this.opened(run)) + 1)) throw clientErrors.noWorker(run);
    throw clientErrors.noAudit(run, audit);
  }

  /** The ended audits of a run that opened, the last first. */
  async ended(run: string): Promise<AuditState[]> {
    const ended: AuditState[] = [];
    for (let audit = await this.opened(run); audit > 0; audit--) {
      const state = await this.store.getPointer(auditPaths.ended(run, audit), auditState);
      if (state) ended.push(state);
    }
    return ended;
  }

  /** @throws SETTINGS_INVALID, AUDIT_INVALID */
  async start(source: AuditSource, settings: CertifySettingsInput): Promise<AuditState> {
    const checked = certifySettings.safeParse(settings);
    if (!checked.success) {
      // As a run's settings hold them, so that the same sentences serve.
      const issues = checked.error.issues.map((issue) => ({ ...issue, path: ['certify', ...issue.path] }));
      throw clientErrors.badSettings(complaintsOf({ ...checked.error, issues }, { certify: settings }));
    }
    const { run } = source;
    const opened = await this.opened(run);
    // Whether they run, and not where they stand: one that was refused before it opened must not be in the way of this one.
    for (const before of [opened, opened + 1])
      if (before > 0 && (await this.isRunning(run, before))) throw clientErrors.auditUnderWay(run, before);
    const audit = opened + 1;
    const input: AuditInput = { source, audit, settings: checked.data };
    try {
      await this.client.workflow.start(AUDIT_WORKFLOW_TYPE, {
        taskQueue: TASK_QUEUE,
        workflowId: auditWorkflowId(run, audit),
        args: [input],
        staticSummary: `Audit ${audit} of ${run}`,
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) throw clientErrors.auditUnderWay(run, audit);
      throw error;
    }
    return this.get(run, audit);
  }

  answer(run: string, answers: readonly Answer[]): Promise<AuditState> {
    return this.tell(run, UPDATE_ANSWER, [{ answers }]);
  }

  nonce(run: string, nonce: string): Promise<AuditState> {
    return this.tell(run, UPDATE_NONCE, [{ nonce }]);
  }

  stop(run: string): Promise<AuditState> {
    return this.tell(run, UPDATE_STOP, []);
  }

  /** The next images for one person; none while the audit waits for something else, or is over. */
  async questions(run: string, { by, limit }: { by: string; limit: number }): Promise<Asked[]> {
    const { audit, phase, settings } = await this.get(run);
    if ((phase !== 'repair' && phase !== 'audit') || settings.answers !== 'people') return [];
    const due = await this.store.getPointer(auditPaths.due(run, audit), dueFile);
    return due ? nextFor(by, limit, due) : [];
  }

  private async look(run: string, audit: number): Promise<AuditState | null> {
    const handle = this.client.workflow.getHandle(auditWorkflowId(run, audit));
    const description = await this.describe(run, audit);
    if (description === null) return this.store.getPointer(auditPaths.ended(run, audit), auditState);
    switch (description.status.name) {
      case 'RUNNING':
        try {
          return await this.client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<AuditState>(QUERY_AUDIT));
        } catch {
          return this.resting(run, audit, 'no worker answers for it');
        }
      case 'COMPLETED':
        return (await handle.result()) as AuditState;
      case 'FAILED':
      case 'TIMED_OUT': {
        const failure = await handle.result().then(() => null, failureOf);
        return this.resting(run, audit, `it failed: ${failure?.message ?? 'for an unknown reason'}`, failure);
      }
      default:
        return this.resting(run, audit, 'it was cancelled; the same run, started or resumed, goes on with it');
    }
  }

  private async describe(run: string, audit: number): Promise<WorkflowExecutionDescription | null> {
    try {
      const description = await this.client.workflow.getHandle(auditWorkflowId(run, audit)).describe();
      return description.type === AUDIT_WORKFLOW_TYPE ? description : null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  }

  private async isRunning(run: string, audit: number): Promise<boolean> {
    return (await this.describe(run, audit))?.status.name === 'RUNNING';
  }

  /** An audit that nobody answers for, from what it left in the store. */
  private async resting(
    run: string,
    audit: number,
    why: string,
    failure: { code: string; message: string } | null = null,
  ): Promise<AuditState | null> {
    const ended = await this.store.getPointer(auditPaths.ended(run, audit), auditState);
    if (ended) return ended;
    const opened = await this.store.getPointer(auditPaths.opened(run, audit), openedAudit);
    if (!opened) {
      if (failure) throw clientErrors.failed(failure);
      return null;
    }
    const progress = await this.store.getPointer(auditPaths.log(run, audit), auditProgress);
    const seen = progress?.seen ?? 0;
    return {
      run,
      audit,
      phase: progress ? 'audit' : 'nonce',
      refs: { ...opened.refs, log: progress?.log ?? null },
      settings: opened.settings,
      seen,
      judgement: progress?.judgement ?? null,
      outlook: opened.outlook,
      words: `Audit ${audit} rests: ${why}. ${seen} answers are in, and kept.`,
    };
  }

  /** Sends a message to the last audit. */
  private async tell(run: string, update: string, args: unknown[]): Promise<AuditState> {
    const { audit, phase } = await this.get(run);
    if (phase === 'done') throw clientErrors.auditOver(run, audit);
    const handle = this.client.workflow.getHandle(auditWorkflowId(run, audit));
    try {
      return await this.client.withDeadline(Date.now() + MESSAGE_MS, () =>
        handle.executeUpdate<AuditState, [unknown]>(update, { args: args as [unknown] }),
      );
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw clientErrors.auditOver(run, audit);
      if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
        throw clientErrors.failed(failureOf(error.cause));
      throw clientErrors.noWorker(run);
    }
  }
}
