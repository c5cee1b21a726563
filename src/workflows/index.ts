export { selfTraining } from './self-training.js';
export { audit } from './audit.js';
export { questions } from './questions.js';
