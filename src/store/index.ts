export { Store } from './store.js';
export { refsIn, stageKey, stageRecord, type StageRecord } from './stage-record.js';
export { canonicalJson } from './canonical.js';
export {
  answers,
  assignments,
  decodeTable,
  encodeTable,
  encodeTableStream,
  items,
  labels,
  posteriors,
  readGroups,
  readRows,
  writeTable,
  type TableSpec,
} from './tables.js';
export * as tables from './tables.js';
