import path from 'node:path';
import { messageOf } from '../../contracts/errors.js';
import { localErrors } from '../errors.js';
import { messages } from '../messages.js';
import { cached, install } from './cache.js';
import { runCommand } from './command.js';
import { goInstall, goKey } from './go.js';
import { pythonReaders, versitygwModule } from './pins.js';
import type { Provisioned, Setting } from './types.js';
import { findPython } from './wheel.js';

/** A second S3 server, which the store's tests run against as well. */
export function locateVersitygw(setting: Setting): Promise<Provisioned | null> {
  const folder = cached(setting.cache, goKey(versitygwModule));
  const found: Provisioned | null =
    folder === null
      ? null
      : { path: path.join(folder, versitygwModule.binary), version: versitygwModule.version, source: 'cache' };
  return Promise.resolve(found);
}

/** @throws SETUP_FAILED without Go or the module */
export async function provisionVersitygw(setting: Setting): Promise<Provisioned> {
  try {
    const program = await goInstall('versitygw', versitygwModule, setting);
    return { path: program, version: versitygwModule.version, source: 'go install' };
  } catch (error) {
    throw localErrors.notObtained('versitygw', [messageOf(error)], 'Only tests against a second S3 server need it.');
  }
}

/** A folder of Python packages that read our files as users do. */
export async function locatePythonReaders(setting: Setting): Promise<Provisioned | null> {
  const python = await findPython(setting.env);
  const folder = python === null ? null : cached(setting.cache, readersKey(python.version));
  return folder === null ? null : { path: folder, version: pythonReaders.join(' '), source: 'cache' };
}

/** @throws SETUP_FAILED if this Python has no wheels of them */
export async function provisionPythonReaders(setting: Setting): Promise<Provisioned> {
  const python = await findPython(setting.env);
  if (python === null) throw localErrors.noPython();
  const entry = { name: 'python readers', key: readersKey(python.version) };
  const folder = await install(setting.cache, entry, setting.onLine, async (draft) => {
    setting.onLine(messages.begin(entry.name, `installing ${pythonReaders.join(', ')} for Python ${python.version}`));
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:', '--no-deps'];
    await runCommand(python.command, [...args, '--target', draft, ...pythonReaders], { env: setting.env });
  });
  return { path: folder, version: pythonReaders.join(' '), source: 'Python wheel' };
}

const readersKey = (python: string): string =>
  `python-readers-${python}-${pythonReaders.join('-').replaceAll('==', '-')}`;
