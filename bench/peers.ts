import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { paths } from '../src/contracts/paths.js';
import { install } from '../src/local/provision/cache.js';
import { runCommand } from '../src/local/provision/command.js';
import { findPython } from '../src/local/provision/wheel.js';

/** The Python scripts; they are not compiled. */
const SCRIPTS = path.resolve(import.meta.dirname, '../../bench/peers');

/** How a peer's script is run. */
export interface Peers {
  command: string;
  script: (name: string) => string;
  env: NodeJS.ProcessEnv;
}

/**
 * Installs the peers of a list in `bench/peers` into Labelloop's cache, once for these versions. `requirements.txt` is 5 GB:
 * PyTorch comes with the libraries of its GPU half since its one wheel of the index is linked against them, and runs on
 * the CPU. `clustering.txt` is 300 MB.
 *
 * @throws SETUP_FAILED without pip or where this Python has no wheels of them
 */
export async function installPeers(list: 'requirements.txt' | 'clustering.txt' = 'requirements.txt'): Promise<Peers> {
  const python = await findPython();
  if (python === null) throw new Error('the peers need Python 3 with pip on PATH');
  const requirements = path.join(SCRIPTS, list);
  const pins = createHash('sha256').update(fs.readFileSync(requirements)).digest('hex').slice(0, 12);
  const { cache } = paths();
  const entry = { name: 'peers', key: `bench-peers-${python.version}-${pins}` };
  const folder = await install(cache, entry, console.error, async (draft) => {
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:', '--no-deps'];
    const env = { ...process.env, PIP_NO_CACHE_DIR: '1' };
    await runCommand(python.command, [...args, '--target', draft, '--requirement', requirements], { env });
  });
  return {
    command: python.command,
    script: (name) => path.join(SCRIPTS, name),
    // What torch.compile made stays beside the peers: it is minutes of work for the DenseNet.
    env: { ...process.env, PYTHONPATH: folder, TORCHINDUCTOR_CACHE_DIR: path.join(folder, 'inductor') },
  };
}
