export { selfTraining } from './self-training.js';
