export { importDataset, type ImportResult } from './import.js';
export type { ImportOptions, ImportProgress } from './options.js';
export type { Skipped } from './collect.js';
export { listDatasets, readDataset, type DatasetPointer } from './registry.js';
export { extendDataset, type Extension } from './extend.js';
export { csvLine, exportFormats, exportLabels, type ExportFormat } from './export.js';
export { exportFolder } from './export-folder.js';
