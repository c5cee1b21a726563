import type { AuditSettings, LedgerLine, PlanFile, PlanOutlook, Protocol } from '../../contracts/audit.js';
import type { DatasetManifest } from '../../contracts/dataset.js';
import { nextAlpha, totalAlphaOf } from '../../labelling/audit/index.js';
import type { CalibrationPoint } from '../../labelling/audit/index.js';
import { planAside } from './plan-aside.js';
import { SOFTWARE } from './software.js';

/** What a protocol is made from. */
export interface ToPlan {
  run: string;
  dataset: DatasetManifest;
  audit: number;
  root: string;
  labels: number;
  settings: AuditSettings;
  /** Of the audits opened before. */
  ledger: readonly LedgerLine[];
  calibration: readonly CalibrationPoint[];
  seed: number;
}

/** The protocol to commit; or none, with the nearest plan and the budget at which there would be one. */
export type PlannedProtocol =
  { protocol: Protocol; plan: PlanFile } | { protocol: null; nearest: PlanOutlook | null; budgetNeeded: number | null };

/**
 * Chooses the cheapest valid plan and puts it into a protocol.
 *
 * @throws AUDIT_INVALID where the run's audits have nothing left to spend
 */
export async function planProtocol(given: ToPlan): Promise<PlannedProtocol> {
  const { run, dataset, audit, root, labels, settings, ledger, calibration, seed } = given;
  const totalAlpha = totalAlphaOf(settings.confidence);
  const alpha = nextAlpha(
    settings.spending,
    totalAlpha,
    ledger.map((line) => line.alpha),
    dataset.classes.length,
  );
  const { epsilon, budget, instrument, repair, drawing } = settings;
  const planned = await planAside({ labels, epsilon, alpha, budget, instrument, repair, drawing, calibration, seed });
  if (planned.chosen === null) return { protocol: null, nearest: planned.nearest, budgetNeeded: planned.budgetNeeded };
  const { chosen } = planned;
  const protocol: Protocol = {
    format: 'labelloop.protocol/1',
    run,
    dataset: dataset.name,
    classes: dataset.classes,
    ...(settings.class === undefined ? {} : { class: settings.class }),
    audit,
    root,
    labels,
    epsilon,
    totalAlpha,
    alpha,
    instrument: chosen.instrument,
    drawing,
    bets: chosen.bets,
    cuts: chosen.cuts,
    repair: chosen.repair,
    budget,
    nonceFrom: settings.nonceFrom,
    panel: {
      countsAsWrong: ['unsure', 'none'],
      double: settings.double,
      answersFrom: settings.answers === 'people' ? 'people' : 'truth',
    },
    software: SOFTWARE,
  };
  return {
    protocol,
    plan: { format: 'labelloop.plan/1', chosen: chosen.outlook, considered: planned.considered },
  };
}
