export { doctor } from './doctor.js';
export type { Check, Diagnosis } from './doctor.js';
export { locate, provision } from './provision/index.js';
export { down, status, up } from './stack.js';
export type { StackStatus, UpOptions } from './stack.js';
