/*
 * What can be said of a run as a whole. Free of zod.
 */

/** `waiting`: it goes on, but no worker is up to answer for it. */
export const runStatuses = ['running', 'paused', 'waiting', 'completed', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof runStatuses)[number];

/** Whether nothing more will come of a run. */
export const hasEnded = (status: RunStatus): boolean => ['completed', 'failed', 'cancelled'].includes(status);
