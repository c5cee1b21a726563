export { inForce, readCorrections } from './corrections.js';
export type { Correction } from './corrections.js';
export { Store } from './store.js';
export { refsIn, stageKey, stageRecord, type StageRecord } from './stage-record.js';
export { canonicalJson } from '../contracts/canonical.js';
export {
  decodeTable,
  encodeTable,
  encodeTableStream,
  readColumns,
  readGroups,
  readRow,
  readRows,
  writeTable,
} from './tables.js';
export type { TableSpec } from './table-specs.js';
/** The tables that the product writes: `tables.labels`, `tables.posteriors`, … */
export * as tables from './table-specs.js';
