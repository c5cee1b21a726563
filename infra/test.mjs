/**
 * `npm test [-- PATTERN… | --slow | mocha's options]`: sets up what the tests need, then runs them. Without a pattern
 * all but `*.slow.test.js`; with --slow those alone. Ends with mocha's exit code.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { bootstrap, explain, root } from './bootstrap.mjs';

const args = process.argv.slice(2);
const slow = args.includes('--slow');
const rest = args.filter((arg) => arg !== '--slow');

/** What of the arguments names tests, as opposed to mocha's options and their values. */
const isPattern = (arg) => /\.test\.[jt]s$|^dist\/|^test\//.test(arg);
/** People name the source; mocha runs what it was compiled to. */
const compiled = (pattern) =>
  (pattern.startsWith('dist/') ? pattern : `dist/${pattern}`).replace(/\.ts$/, '.js').replace(/\/$/, '/**/*.test.js');

const say = (line) => process.stderr.write(`labelloop: ${line}\n`);

/** The tests find what was set up by these names; src has no knowledge of them. */
const variables = {
  temporal: 'LABELLOOP_TEST_TEMPORAL',
  minio: 'LABELLOOP_TEST_MINIO',
  versitygw: 'LABELLOOP_TEST_VERSITYGW',
  pythonReaders: 'LABELLOOP_TEST_PYTHONPATH',
};

async function setUp() {
  await bootstrap();
  const { provision } = await import('../dist/src/local/index.js');
  const found = await provision(['temporal', 'minio', 'compute', 'versitygw', 'pythonReaders'], {
    // The tests start servers of their own, whatever this machine's user has configured.
    configured: false,
    optional: ['versitygw', 'pythonReaders'],
    onLine: say,
  });
  const env = {};
  for (const [thing, variable] of Object.entries(variables)) if (found[thing]) env[variable] = found[thing].path;
  return env;
}

function mocha(env) {
  const patterns = rest.filter(isPattern).map(compiled);
  const options = rest.filter((arg) => !isPattern(arg));
  const selection =
    patterns.length > 0
      ? patterns
      : slow
        ? ['dist/test/**/*.slow.test.js']
        : ['dist/test/**/*.test.js', '--ignore', 'dist/test/**/*.slow.test.js'];
  // Slow tests kill and restart whole stacks; the others have 30 s because servers start within them.
  const timeout = options.includes('--timeout') ? [] : ['--timeout', slow ? '900000' : '30000'];
  const child = spawn(
    process.execPath,
    [path.join(root, 'node_modules/mocha/bin/mocha.js'), '--exit', ...timeout, ...selection, ...options],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
  );
  // Ctrl-C reaches mocha by itself, the terminal's whole group gets it; here it must not cut the exit code off.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}

try {
  process.exitCode = await mocha(await setUp());
} catch (error) {
  process.exitCode = explain(error);
}
