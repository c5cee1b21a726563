import { spawn } from 'node:child_process';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** This release's own: a bundle may come from anybody, and so may the verifier that lies in it. */
const VERIFIER = fileURLToPath(new URL('../../../infra/verify.mjs', import.meta.url));

/** Runs verify.mjs over a bundle, as anybody would. */
export async function verifyBundle(dir: string): Promise<{ holds: boolean; lines: string[] }> {
  const child = spawn(process.execPath, [VERIFIER, dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
  ]);
  return { holds: code === 0, lines: `${out}${err}`.trimEnd().split('\n') };
}
