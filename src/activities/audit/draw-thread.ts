import { parentPort, workerData } from 'node:worker_threads';
import { drawOrder } from '../../labelling/certificate/index.js';
import type { DrawOrderInput } from './draw-aside.js';

/** The thread of `drawAside`: draws from what it was given, answers, and ends. */
const { rules, seed, ids } = workerData as DrawOrderInput;
const order = drawOrder(rules, seed, ids);
parentPort?.postMessage(order, [order.buffer as ArrayBuffer]);
