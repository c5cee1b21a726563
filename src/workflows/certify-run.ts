import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ChildWorkflowCancellationType, executeChild, sleep, workflowInfo } from '@temporalio/workflow';
import type { AuditSource } from '../contracts/audit-stages.js';
import type { AuditSettings, AuditState } from '../contracts/audit.js';
import { AUDIT_WORKFLOW_TYPE, auditWorkflowId } from '../contracts/names.js';
import type { audit as auditWorkflow } from './audit.js';
import type { Control } from './control.js';
import { stages } from './stages.js';

/**
 * Has the last round's labels certified, by a workflow of its own: waiting for people takes days or weeks. While the run is
 * paused nobody is asked; resume takes the audit up where it stopped, as whatever people said is in the store.
 */
export async function certifyRun(
  control: Control,
  { dataset, history, settings }: Omit<AuditSource, 'run'>,
  certify: AuditSettings,
): Promise<AuditState> {
  const source: AuditSource = { run: workflowInfo().workflowId, dataset, history, settings };
  return control.stage('audit', async (summary) => {
    for (let tries = 1; ; tries++) {
      const { audit } = await stages.numberAudit.executeWithOptions({ summary }, [{ source, settings: certify }]);
      try {
        return await executeChild<typeof auditWorkflow>(AUDIT_WORKFLOW_TYPE, {
          workflowId: auditWorkflowId(source.run, audit),
          args: [{ source, audit, settings: certify }],
          // An answer that is being taken down is kept: its activity ends first.
          cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
          parentClosePolicy: 'REQUEST_CANCEL',
          staticSummary: `Audit ${audit} of ${source.run}`,
        });
      } catch (error) {
        // That of a run of this id that was reset or terminated is still ending; it is taken up when it has.
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        await sleep(Math.min(600, 2 ** tries) * 1000);
      }
    }
  });
}
