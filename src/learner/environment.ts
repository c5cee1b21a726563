import os from 'node:os';

/** What of the parent's environment a learner gets: it has no use for the rest, which may hold credentials. */
const PASSED =
  /^(PATH|HOME|TMPDIR|TMP|TEMP|LANG|LD_LIBRARY_PATH|CUDA_VISIBLE_DEVICES|CUDA_CACHE_PATH|SystemRoot|TF_\w+)$/;

/**
 * The environment of a learner.
 *
 * @param threads of one TensorFlow op, part of what makes results equal; by default the cores at hand
 * @param device index among the GPUs that this process sees; by default all of them are left visible
 */
export function learnerEnvironment(
  parent: Readonly<NodeJS.ProcessEnv>,
  threads = Number(parent['TF_NUM_INTRAOP_THREADS'] ?? os.availableParallelism()),
  device?: number,
): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    TF_CPP_MIN_LOG_LEVEL: '2',
    // Otherwise the first learner takes all of a GPU's memory, and a second one finds none.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    ...Object.fromEntries(Object.entries(parent).filter(([name]) => PASSED.test(name))),
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: String(threads),
  };
  if (device !== undefined) {
    const visible = parent['CUDA_VISIBLE_DEVICES']?.split(',').map((id) => id.trim());
    environment['CUDA_VISIBLE_DEVICES'] = visible?.[device] ?? String(device);
  }
  return environment;
}
