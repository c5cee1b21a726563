import { ChildWorkflowCancellationType, executeChild, workflowInfo } from '@temporalio/workflow';
import type { AuditSource } from '../contracts/audit-stages.js';
import type { AuditSettings, AuditState } from '../contracts/audit.js';
import { AUDIT_WORKFLOW_TYPE } from '../contracts/names.js';
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
    const { audit } = await stages.numberAudit.executeWithOptions({ summary }, [{ source, settings: certify }]);
    return executeChild<typeof auditWorkflow>(AUDIT_WORKFLOW_TYPE, {
      workflowId: `${source.run}.audit-${audit}`,
      args: [{ source, audit, settings: certify }],
      // An answer that is being taken down is kept: its activity ends first.
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      parentClosePolicy: 'REQUEST_CANCEL',
      staticSummary: `Audit ${audit} of ${source.run}`,
    });
  });
}
