import { executeChild, workflowInfo } from '@temporalio/workflow';
import type { AuditSource } from '../contracts/audit-stages.js';
import type { AuditSettings, AuditState } from '../contracts/audit.js';
import { AUDIT_WORKFLOW_TYPE, auditWorkflowId } from '../contracts/names.js';
import type { audit as auditWorkflow } from './audit.js';
import { askingChild, onceFree } from './asking-child.js';
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
  return control.stage('audit', (summary) =>
    onceFree(async () => {
      const { audit } = await stages.numberAudit.executeWithOptions({ summary }, [{ source, settings: certify }]);
      return executeChild<typeof auditWorkflow>(AUDIT_WORKFLOW_TYPE, {
        workflowId: auditWorkflowId(source.run, audit),
        args: [{ source, audit, settings: certify }],
        ...askingChild,
        staticSummary: `Audit ${audit} of ${source.run}`,
      });
    }),
  );
}
