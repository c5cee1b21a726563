/** What `npm test` and `npm run test:nodes` share: setting up what the tests need, and running mocha. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { bootstrap, root, say } from './bootstrap.mjs';

/** The tests find what was set up by these names; src has no knowledge of them. */
const variables = {
  temporal: 'LABELLOOP_TEST_TEMPORAL',
  minio: 'LABELLOOP_TEST_MINIO',
  versitygw: 'LABELLOOP_TEST_VERSITYGW',
  pythonReaders: 'LABELLOOP_TEST_PYTHONPATH',
};

/**
 * Brings code and packages up to date and provides the named things.
 *
 * @param {string[]} things what src/local's `provision` can provide
 * @returns {Promise<Record<string, string>>} the variables by which the tests find them
 */
export async function setUp(things = ['compute', ...Object.keys(variables)]) {
  await bootstrap();
  const { provision } = await import('../dist/src/local/index.js');
  const found = await provision(things, {
    // The tests start servers of their own, whatever this machine's user has configured.
    configured: false,
    optional: ['versitygw', 'pythonReaders'],
    onLine: say,
  });
  const env = {};
  for (const [thing, variable] of Object.entries(variables)) if (found[thing]) env[variable] = found[thing].path;
  return env;
}

/**
 * Runs mocha, on this Node or another.
 *
 * @param {string[]} args mocha's options and patterns
 * @param {{env: Record<string, string>, node?: string, onOutput?: (chunk: Buffer) => void}} options `env` is added to
 * this process's; output goes to `onOutput`, by default to the terminal
 * @returns {Promise<number>} its exit code
 */
export function mocha(args, { env, node = process.execPath, onOutput }) {
  const stdio = onOutput === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'];
  const program = path.join(root, 'node_modules/mocha/bin/mocha.js');
  const child = spawn(node, [program, '--exit', ...args], { cwd: root, stdio, env: { ...process.env, ...env } });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', onOutput);
  // Ctrl-C reaches mocha by itself, the terminal's whole group gets it; here it must not cut the exit code off.
  const ignore = () => undefined;
  const pass = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore);
  process.on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  }).finally(() => {
    process.off('SIGINT', ignore);
    process.off('SIGTERM', pass);
  });
}
