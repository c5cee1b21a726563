import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from '../../contracts/errors.js';
import { localErrors } from '../errors.js';
import { messages } from '../messages.js';
import { cached, install } from './cache.js';
import { onPath, outputOf, runCommand } from './command.js';
import type { ComputeLibrary, Flavour } from './compute-library.js';
import { flavourHere, locateLibrary, provisionLibrary } from './compute-library.js';
import type { Provisioned, Setting } from './types.js';

const REMEDY =
  'Install a C++ compiler (g++ or clang) and python3 with pip, then run the same command again. It needs neither root nor CUDA on the machine.';

const ADDON = 'tfjs_binding.node';

/** The tfjs-node-gpu package whose addon is set up, and the headers it is compiled against. */
export interface AddonPackage {
  readonly folder: string;
  readonly version: string;
  readonly nodeApiHeaders: string;
}

const require = createRequire(import.meta.url);

/** The package as this installation of Labelloop resolves it. */
export function addonPackage(): AddonPackage {
  const manifest = require.resolve('@tensorflow/tfjs-node-gpu/package.json');
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string };
  const nodeApiHeaders = path.join(path.dirname(require.resolve('node-api-headers/package.json')), 'include');
  return { folder: path.dirname(manifest), version, nodeApiHeaders };
}

/** Where tfjs-node-gpu looks for its addon. */
export const addonOf = (target: AddonPackage): string => path.join(target.folder, 'lib/napi-v8', ADDON);

/** The compute library and the addon in the package, as they are on this machine, or null. */
export async function locateCompute(setting: Setting, target = addonPackage()): Promise<Provisioned | null> {
  const addon = addonOf(target);
  const library = fs.existsSync(addon) ? locateLibrary(setting.cache, await flavourHere(setting.env)) : null;
  const built = library === null ? null : cached(setting.cache, addonKey(target, library));
  if (library === null || built === null) return null;
  if (fs.realpathSync(addon) !== fs.realpathSync(path.join(built, ADDON))) return null;
  return { path: addon, version: versionLine(target, library), source: 'cache' };
}

/**
 * Provides libtensorflow, compiles tfjs-node-gpu's addon against it and links that into the package. Compiled with the
 * compiler alone: node-gyp would download Node's headers, and N-API's are all the addon needs.
 *
 * @throws SETUP_FAILED if neither that nor the package's own installer works
 */
export async function provisionCompute(setting: Setting, target = addonPackage()): Promise<Provisioned> {
  const flavour = await flavourHere(setting.env);
  try {
    const former = locateLibrary(setting.cache, flavour);
    const here = former !== null && cached(setting.cache, addonKey(target, former)) !== null;
    const library = await provisionLibrary(setting, flavour);
    const built = await buildAddon(setting, target, library);
    linkInto(addonOf(target), built);
    return { path: addonOf(target), version: versionLine(target, library), source: here ? 'cache' : 'Python wheel' };
  } catch (error) {
    setting.onLine(messages.fallback('compute library', messageOf(error)));
    return await packageInstaller(setting, target, flavour, messageOf(error));
  }
}

const versionLine = (target: AddonPackage, library: ComputeLibrary): string =>
  `tfjs-node-gpu ${target.version}, libtensorflow ${library.version} (${library.flavour})`;

async function buildAddon(setting: Setting, target: AddonPackage, library: ComputeLibrary): Promise<string> {
  const entry = { name: 'tfjs addon', key: addonKey(target, library) };
  const folder = await install(setting.cache, entry, setting.onLine, async (draft) => {
    const compiler = findCompiler(setting.env);
    if (compiler === null) throw localErrors.noCompiler();
    setting.onLine(messages.begin(entry.name, `compiling it with ${path.basename(compiler)}`));
    const addon = path.join(draft, ADDON);
    await runCommand(compiler, compilerArguments(target, library, addon), { env: setting.env });
    // An addon that can't be loaded here (an older C library, say) must not get into the cache.
    await runCommand(process.execPath, ['-e', `process.dlopen({ exports: {} }, ${JSON.stringify(addon)})`]);
  });
  return path.join(folder, ADDON);
}

function compilerArguments(target: AddonPackage, library: ComputeLibrary, addon: string): string[] {
  const lib = path.join(library.folder, 'lib');
  return [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    ...['-I', target.nodeApiHeaders, '-I', target.folder, '-I', path.join(library.folder, 'include')],
    ...bindingSources(target).filter((file) => file.endsWith('.cc')),
    ...['-o', addon, `-L${lib}`, '-ltensorflow', '-ltensorflow_framework', `-Wl,-rpath,${lib}`],
    // The framework library has no search path of its own and takes its loader's, but only an old-style one.
    ...(process.platform === 'linux' ? ['-Wl,--disable-new-dtags'] : ['-undefined', 'dynamic_lookup']),
  ];
}

function bindingSources(target: AddonPackage): string[] {
  const folder = path.join(target.folder, 'binding');
  return fs
    .readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name));
}

/** Also by the library's folder, which is written into the addon: a cache that was moved builds it again. */
function addonKey(target: AddonPackage, library: ComputeLibrary): string {
  const hash = createHash('sha256').update(library.key).update(library.folder);
  for (const file of bindingSources(target)) hash.update(path.basename(file)).update(fs.readFileSync(file));
  return `tfjs-addon-${target.version}-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 12)}`;
}

/** `$CXX`, else the first of the usual names on PATH. */
export function findCompiler(env: NodeJS.ProcessEnv): string | null {
  const wanted = env['CXX'];
  const names = wanted ? [wanted] : ['g++', 'c++', 'clang++'];
  for (const name of names) {
    const file = path.isAbsolute(name) && fs.existsSync(name) ? name : onPath(name, env);
    if (file !== null) return file;
  }
  return null;
}

/** A rename replaces whatever is there in one step: another process may be loading it. */
function linkInto(place: string, addon: string): void {
  fs.mkdirSync(path.dirname(place), { recursive: true });
  const draft = `${place}.${process.pid}`;
  fs.rmSync(draft, { force: true });
  fs.symlinkSync(addon, draft);
  fs.renameSync(draft, place);
}

/** An old libtensorflow (2.9, CUDA 11), downloaded by the package itself: slower, but better than nothing. */
async function packageInstaller(
  setting: Setting,
  target: AddonPackage,
  flavour: Flavour,
  reason: string,
): Promise<Provisioned> {
  setting.onLine(
    messages.begin('compute library', "running the package's own installer, which downloads an older one"),
  );
  try {
    // What is there may be a link into our cache, which the installer would write through.
    fs.rmSync(addonOf(target), { force: true });
    const bin = path.join(target.folder, '../../.bin');
    const env = { ...setting.env, PATH: `${bin}${path.delimiter}${setting.env['PATH'] ?? ''}` };
    const args = ['scripts/install.js', flavour === 'cuda' ? 'gpu' : 'cpu', 'download'];
    await runCommand(process.execPath, args, { cwd: target.folder, env });
    if (!fs.existsSync(addonOf(target))) throw localErrors.commandFailed(args.join(' '), 0, 'it left no addon');
  } catch (error) {
    throw localErrors.notObtained('The compute library', [reason, messageOf(error)], REMEDY);
  }
  return { path: addonOf(target), version: `tfjs-node-gpu ${target.version}`, source: "the package's installer" };
}

/** What a process that loaded the addon says of it. */
export interface AddonProbe {
  readonly tensorflow: string;
  readonly gpu: boolean;
}

// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed; it is loaded after that has been put back.
const PROBE = `
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require(process.argv[1]);
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync();
if (product.join() !== '19,22,43,50') throw new Error('2x2 matmul gave ' + product.join());
const backend = tf.backend();
console.log(JSON.stringify({ tensorflow: backend.binding.TF_Version, gpu: backend.isUsingGpuDevice }));
`;

/** Multiplies two matrices in a process of its own, since a broken library would take this one with it. */
export async function probeAddon(env: NodeJS.ProcessEnv, target = addonPackage()): Promise<AddonProbe> {
  const output = await runCommand(process.execPath, ['-e', PROBE, target.folder], {
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: '3' },
    timeout: 120_000,
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as AddonProbe;
}

/** The compiler's first line on its version. */
export async function compilerVersion(compiler: string): Promise<string> {
  return ((await outputOf(compiler, ['--version'])) ?? '').split('\n')[0]?.trim() ?? '';
}
