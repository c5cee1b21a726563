/**
 * Makes a fresh clone runnable: packages, compiled code, workflow bundle. Plain Node without dependencies, since it
 * runs before there are any. Every step is skipped when its stamp says that nothing changed since it last succeeded,
 * and a stamp is written after success alone, so half-done work is done again.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lock } from './lock.mjs';

/** @temporalio and tfjs-node want no less; 20.19 is the first 20 that requires ES modules without a flag. */
const LEAST_NODE = [20, 19];

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => path.join(root, ...parts);

/** Progress goes to stderr: stdout belongs to the command's own answer (`--json`). */
export const say = (line) => process.stderr.write(`labelloop: ${line}\n`);

/** An error whose message is all that the user needs. */
export class SetUpError extends Error {}

/** A checkout has sources; an installed package has only what they were compiled to. */
export const isCheckout = () => fs.existsSync(at('src')) && fs.existsSync(at('tsconfig.json'));

/** Throws a SetUpError if this Node is too old. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  throw new SetUpError(
    `Node ${version} is too old: Labelloop needs ${LEAST_NODE.join('.')} or newer. Install a current one, for instance with 'nvm install 22' or from nodejs.org.`,
  );
}

const digest = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
};

const readOr = (file, fallback) => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
};

/** Writes a file so that readers see the old one or the whole new one. */
function writeWhole(file, text) {
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, text);
  fs.renameSync(draft, file);
}

/** Runs a program quietly in the checkout; throws a SetUpError with the end of its output if it fails. */
export async function run(what, command, args) {
  const output = [];
  const code = await new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => reject(new SetUpError(`${what} can't be run: ${error.message}. Is npm on PATH?`)));
    child.on('close', (status, signal) => resolve(status ?? signal));
  });
  if (code === 0) return;
  const tail = Buffer.concat(output).toString('utf8').trim().split('\n').slice(-25).join('\n');
  throw new SetUpError(`${what} failed (${code}):\n${tail}\nMend what it names and run the same command again.`);
}

/** One step with a line when it begins and the seconds when it ends. */
async function step(name, work) {
  const begun = Date.now();
  say(`${name} …`);
  await work();
  say(`${name}: done in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}

/** npm says where it is when it started us; else it stands beside this Node, or is the one on PATH. */
export function npmCommand() {
  const cli = process.env.npm_execpath;
  if (cli !== undefined && /npm-cli\.[cm]?js$/.test(cli) && fs.existsSync(cli)) return [process.execPath, cli];
  const beside = path.join(path.dirname(fs.realpathSync(process.execPath)), '../lib/node_modules/npm/bin/npm-cli.js');
  return fs.existsSync(beside) ? [process.execPath, beside] : ['npm'];
}

async function installPackages() {
  const stampFile = at('node_modules', '.labelloop-stamp');
  const stamp = digest(fs.readFileSync(at('package-lock.json')));
  if (readOr(stampFile, '') === stamp) return;
  await step('installing the packages of package-lock.json (npm ci)', async () => {
    const [command, ...args] = npmCommand();
    // Install scripts stay off: the only one that matters downloads an old compute library, which is set up otherwise.
    await run('npm ci', command, [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    writeWhole(stampFile, stamp);
  });
}

/** All files that the compiler reads, with their contents. */
function sourcesDigest() {
  const parts = [fs.readFileSync(at('tsconfig.json')), fs.readFileSync(at('package-lock.json'))];
  for (const folder of ['src', 'test', 'bench']) {
    const names = fs.existsSync(at(folder)) ? fs.readdirSync(at(folder), { recursive: true }) : [];
    for (const name of names.filter((each) => each.endsWith('.ts')).sort()) {
      parts.push(path.join(folder, name), fs.readFileSync(at(folder, name)));
    }
  }
  return digest(...parts);
}

async function compile() {
  const stampFile = at('dist', '.labelloop-stamp');
  const stamp = sourcesDigest();
  const former = readOr(stampFile, '');
  if (former === stamp) return;
  await step('compiling (tsc)', async () => {
    // Gone while dist is in the works: sources that change back must not find half-new output with their stamp on it.
    fs.rmSync(stampFile, { force: true });
    if (former === '') fs.rmSync(at('dist', '.tsbuildinfo'), { force: true });
    removeOrphans();
    await run('tsc', process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
  });
  if (fs.existsSync(at('dist/src/workflows/index.js'))) await step('bundling the workflows', bundleWorkflows);
  writeWhole(stampFile, stamp);
}

/** A source that was deleted or renamed leaves its output behind, and mocha would go on running it. */
function removeOrphans() {
  for (const folder of ['src', 'test', 'bench']) {
    const names = fs.existsSync(at('dist', folder)) ? fs.readdirSync(at('dist', folder), { recursive: true }) : [];
    for (const name of names) {
      const source = /^(.*)\.(js|d\.ts|js\.map)$/.exec(name)?.[1];
      if (source !== undefined && !fs.existsSync(at(folder, `${source}.ts`))) fs.rmSync(at('dist', folder, name));
    }
  }
}

/** Bundled once here rather than by every worker when it starts (1.5 s each, and all workers run the same bytes). */
async function bundleWorkflows() {
  const workflowsPath = at('dist/src/workflows/index.js');
  const require = createRequire(at('package.json'));
  const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  writeWhole(at('dist/workflow-bundle.js'), code);
}

/**
 * Installs, compiles and bundles what is not up to date. Two at a time wait for each other.
 * Throws a SetUpError whose message says what to do.
 */
export async function bootstrap() {
  checkNode();
  if (!isCheckout()) return;
  // In the cache: npm ci deletes node_modules, people delete dist, and the checkout itself should stay clean.
  const cache =
    process.env.LABELLOOP_CACHE ||
    path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'labelloop');
  const release = await lock(path.join(cache, 'locks', `checkout-${digest(root).slice(0, 16)}`), (other) =>
    say(`another set-up of this checkout is at work (process ${other?.pid ?? 'unknown'}); waiting for it`),
  );
  try {
    await installPackages();
    await compile();
  } finally {
    release();
  }
}

/** Prints what was thrown as the user should see it and returns the exit code. */
export function explain(error) {
  const told = error instanceof SetUpError || error?.name === 'LabelloopError';
  say(told ? error.message : (error?.stack ?? String(error)));
  return 1;
}
