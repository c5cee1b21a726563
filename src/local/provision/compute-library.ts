import fs from 'node:fs';
import path from 'node:path';
import { localErrors } from '../errors.js';
import { messages } from '../messages.js';
import { cached, install } from './cache.js';
import { outputOf } from './command.js';
import type { WheelPin } from './pins.js';
import { tensorflowCudaWheels, tensorflowWheel, thisTarget } from './pins.js';
import type { Setting } from './types.js';
import { unpackWheel } from './wheel.js';

/** libtensorflow as it comes out of its wheels: `lib/` and `include/`. */
export interface ComputeLibrary {
  readonly folder: string;
  readonly key: string;
  readonly version: string;
  readonly flavour: Flavour;
}

export type Flavour = 'cpu' | 'cuda';

/**
 * CUDA where NVIDIA's driver shows a GPU. `LABELLOOP_COMPUTE=cpu` (or `cuda`) overrides: a machine may have a GPU that
 * is for others, or an image may be built on a machine without one.
 */
export async function flavourHere(env: NodeJS.ProcessEnv): Promise<Flavour> {
  const wanted = env['LABELLOOP_COMPUTE'];
  if (wanted === 'cpu' || wanted === 'cuda') return wanted;
  return thisTarget() === 'linux-x64' && (await gpus(env)).length > 0 ? 'cuda' : 'cpu';
}

/** The NVIDIA GPUs that the driver shows, by name. */
export async function gpus(env: NodeJS.ProcessEnv): Promise<string[]> {
  const list = (await outputOf('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], env)) ?? '';
  return list.split('\n').filter((line) => line.trim() !== '');
}

function pinsOf(flavour: Flavour): readonly WheelPin[] {
  if (flavour === 'cuda') return tensorflowCudaWheels;
  const pin = tensorflowWheel[thisTarget()];
  if (pin === undefined) throw localErrors.noPin('libtensorflow', thisTarget());
  return [pin];
}

function describe(flavour: Flavour): Omit<ComputeLibrary, 'folder'> {
  const [main] = pinsOf(flavour);
  const { version, sha256 } = main!;
  return { key: `libtensorflow-${version}-${flavour}-${sha256.slice(0, 12)}`, version, flavour };
}

/** The library in the cache, or null. */
export function locateLibrary(cache: string, flavour: Flavour): ComputeLibrary | null {
  const library = describe(flavour);
  const folder = cached(cache, library.key);
  return folder === null ? null : { ...library, folder };
}

/** Fetches the library; from the cache if it is there. @throws SETUP_FAILED */
export async function provisionLibrary(setting: Setting, flavour: Flavour): Promise<ComputeLibrary> {
  const library = describe(flavour);
  const entry = { name: 'libtensorflow', key: library.key };
  const folder = await install(setting.cache, entry, setting.onLine, async (draft) => {
    for (const pin of pinsOf(flavour)) {
      setting.onLine(messages.begin(entry.name, `fetching ${pin.name} ${pin.version} as a Python wheel`));
      await unpackWheel(pin, draft, placeOf, setting.env);
    }
    linkPlainNames(path.join(draft, 'lib'));
  });
  return { ...library, folder };
}

/** The headers that the addon's sources reach: 232 of the wheel's 13,000. */
const HEADERS =
  /^tensorflow\/(include\/(?:tensorflow\/c|tensorflow\/core\/platform|tsl\/platform|xla\/tsl\/c)\/.*\.h)$/;
/** All libraries go to one folder: TensorFlow looks for CUDA's beside itself ($ORIGIN), and cuDNN for its parts too. */
const LIBRARIES = /^(?:tensorflow|nvidia\/\w+\/lib)\/(lib\w[^/]*?(?:\.so(?:\.\d+)*|(?:\.\d+)*\.dylib))$/;

/** Where a file of the wheels goes; null for the nine tenths that only Python needs. */
export function placeOf(name: string): string | null {
  const header = HEADERS.exec(name)?.[1];
  if (header !== undefined) return header;
  const library = LIBRARIES.exec(name)?.[1];
  return library === undefined ? null : `lib/${library}`;
}

/** `-ltensorflow` looks for plain names; the wheel has versioned ones, and calls the C API's library `_cc`. */
function linkPlainNames(lib: string): void {
  const [suffix, versioned] = process.platform === 'darwin' ? ['.dylib', '.2.dylib'] : ['.so', '.so.2'];
  fs.symlinkSync(`libtensorflow_cc${versioned}`, path.join(lib, `libtensorflow${suffix}`));
  fs.symlinkSync(`libtensorflow_framework${versioned}`, path.join(lib, `libtensorflow_framework${suffix}`));
}
