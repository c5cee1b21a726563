import { parentPort, workerData } from 'node:worker_threads';
import { plan } from '../../labelling/audit/index.js';
import type { PlanInput } from '../../labelling/audit/index.js';

/** The thread of `planAside`: plans what it was given, answers, and ends. */
parentPort?.postMessage(plan(workerData as PlanInput));
