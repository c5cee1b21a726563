export { Labelloop } from './labelloop.js';
export type { ConnectOptions, RunListEntry } from './labelloop.js';
export { findConnections } from './connections.js';
export type { Connections } from './connections.js';
export type { RunProgress, RunSummary, RunView } from '../contracts/run.js';
export type { RunStatus } from '../contracts/run-status.js';
export type { RunSettings, RunSettingsInput } from '../contracts/settings.js';
export type { LabelRow } from '../contracts/tables.js';
export { LabelloopError } from '../contracts/errors.js';
