import { access, open, rename, rm } from 'node:fs/promises';
import process from 'node:process';
import { finished } from 'node:stream/promises';
import { cliErrors } from './errors.js';
import type { Writable } from 'node:stream';

/** Whether there is a file or folder of that path. */
export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Writes beside the file and renames: whoever reads `file` finds a whole one or none. */
export async function writeWhole(file: string, write: (stream: Writable) => Promise<void>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  const handle = await open(part, 'w').catch((error: unknown) => {
    throw cliErrors.outputNotWritable(file, error);
  });
  const stream = handle.createWriteStream();
  try {
    const written = finished(stream);
    await Promise.all([write(stream).then(() => void stream.end()), written]);
    await rename(part, file);
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    throw error;
  }
}
