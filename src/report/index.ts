import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Labelloop } from '../client/index.js';
import { problem } from '../contracts/errors.js';
import { collect } from './collect.js';
import { renderReport } from './report.js';

export { writeShiftReport } from './shift.js';
export { writeNovelPage } from './novel.js';

/**
 * Writes the HTML report of a run to this machine's reports folder; one file, readable offline.
 *
 * @returns its path
 * @throws RUN_UNKNOWN; RUN_NO_RESULTS when the run has not got as far as its dataset
 */
export async function writeReport(labelloop: Labelloop, run: string): Promise<string> {
  const path = labelloop.reportFile(run);
  const view = { ...(await labelloop.show(run)), report: path };
  const extra = await collect(labelloop, run);
  if (!extra)
    throw problem(
      'RUN_NO_RESULTS',
      `Run '${run}' has nothing to report yet: ${view.error?.message ?? 'it has only begun.'}`,
    );
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, renderReport(view, extra));
  await rename(`${path}.part`, path);
  return path;
}
