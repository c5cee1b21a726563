import type { RunSettings } from '../contracts/settings.js';

/** Settings of a run that release 0.1.0 began, which knew one method and had no names for its parts. */
const FIRST_METHOD = {
  network: 'compact',
  student: 'augmented',
  score: 'predictive-entropy',
  limit: null,
  classwise: false,
  validationShare: 0,
  scaling: 'none',
  posterior: 'mc-dropout',
  sampling: 'fixed',
  members: 5,
  weights: 'none',
  labels: 'revocable',
  precision: 'float32',
} as const;

/** The settings of a run in flight, whichever release began it. */
export function completed(settings: RunSettings): RunSettings {
  const given = settings as Omit<RunSettings, 'threshold'> & { threshold: RunSettings['threshold'] | 'fence' };
  if (given.threshold !== 'fence') return { ...FIRST_METHOD, ...settings };
  return { ...FIRST_METHOD, ...settings, threshold: 'iqr', score: 'total-uncertainty', limit: 1.5 };
}
