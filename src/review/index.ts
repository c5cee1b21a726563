export { REVIEW_PORT, serveReview } from './server.js';
export type { ReviewOptions, ReviewServer } from './server.js';
export { sourceOf } from './source.js';
export type { ReviewSource } from './source.js';
