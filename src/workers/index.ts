export { runWorker, workerRoles } from './run.js';
export type { WorkerRole, WorkerSettings } from './run.js';
