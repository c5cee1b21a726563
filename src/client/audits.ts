import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
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
import { AskingWorkflows } from './asking.js';
import { clientErrors } from './errors.js';
import { nextFor } from './queue.js';
import type { Asked } from './queue.js';

/** The audits of runs: where they stand, and the messages that steer them. */
export class Audits {
  private readonly workflows: AskingWorkflows<AuditState>;

  constructor(
    private readonly client: Client,
    private readonly store: Store,
  ) {
    this.workflows = new AskingWorkflows(client, AUDIT_WORKFLOW_TYPE, QUERY_AUDIT);
  }

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

  answer(state: AuditState, answers: readonly Answer[]): Promise<AuditState> {
    return this.tell(state, UPDATE_ANSWER, [{ answers }]);
  }

  async nonce(run: string, nonce: string): Promise<AuditState> {
    return this.tell(await this.get(run), UPDATE_NONCE, [{ nonce }]);
  }

  async stop(run: string): Promise<AuditState> {
    return this.tell(await this.get(run), UPDATE_STOP, []);
  }

  /** The next images for one person; none while the audit waits for something else, or is over. */
  async next({ run, audit, phase, settings }: AuditState, by: string, limit: number): Promise<Asked[]> {
    if ((phase !== 'repair' && phase !== 'audit') || settings.answers !== 'people') return [];
    const due = await this.store.getPointer(auditPaths.due(run, audit), dueFile);
    return due ? nextFor(by, limit, due) : [];
  }

  private async look(run: string, audit: number): Promise<AuditState | null> {
    const standing = await this.workflows.standing(auditWorkflowId(run, audit));
    switch (standing.is) {
      case 'unknown':
        return this.store.getPointer(auditPaths.ended(run, audit), auditState);
      case 'running':
        return standing.state ?? this.resting(run, audit, 'no worker answers for it');
      case 'completed':
        return standing.state;
      case 'failed': {
        const { failure } = standing;
        return this.resting(run, audit, `it failed: ${failure?.message ?? 'for an unknown reason'}`, failure);
      }
      default:
        return this.resting(run, audit, 'it was cancelled; the same run, started or resumed, goes on with it');
    }
  }

  private isRunning(run: string, audit: number): Promise<boolean> {
    return this.workflows.isRunning(auditWorkflowId(run, audit));
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

  private async tell({ run, audit, phase }: AuditState, update: string, args: unknown[]): Promise<AuditState> {
    const over = clientErrors.auditOver(run, audit);
    if (phase === 'done') throw over;
    return this.workflows.tell(auditWorkflowId(run, audit), update, args, run, over);
  }
}
