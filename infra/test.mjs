/**
 * `npm test [-- PATTERN… | --slow | mocha's options]`: sets up what the tests need, then runs them. Without a pattern
 * all but `*.slow.test.js`; with --slow those alone. Ends with mocha's exit code.
 */
import { explain } from './bootstrap.mjs';
import { mocha, setUp } from './test-setup.mjs';

const args = process.argv.slice(2);
const slow = args.includes('--slow');
const rest = args.filter((arg) => arg !== '--slow');

/** What of the arguments names tests, as opposed to mocha's options and their values. */
const isPattern = (arg) => /\.test\.[jt]s$|^dist\/|^test\//.test(arg);
/** People name the source; mocha runs what it was compiled to. */
const compiled = (pattern) =>
  (pattern.startsWith('dist/') ? pattern : `dist/${pattern}`).replace(/\.ts$/, '.js').replace(/\/$/, '/**/*.test.js');

function mochaArguments() {
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
  return [...timeout, ...selection, ...options];
}

try {
  const env = await setUp();
  process.exitCode = await mocha(mochaArguments(), { env });
} catch (error) {
  process.exitCode = explain(error);
}
