import { spawnSync } from 'node:child_process';

/** Runs a Python script with the readers that set-up installed; null where they are not there. */
export function python(script: string, ...args: string[]): unknown {
  const path = process.env['LABELLOOP_TEST_PYTHONPATH'];
  if (!path) return null;
  const result = spawnSync('python3', ['-c', script, ...args], {
    env: { ...process.env, PYTHONPATH: path },
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout);
}
