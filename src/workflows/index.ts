export { selfTraining } from './self-training.js';
export { audit } from './audit.js';
export { adapt } from './adapt.js';
export { questions } from './questions.js';
export { shift } from './shift.js';
