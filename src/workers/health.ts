import fs from 'node:fs';
import path from 'node:path';

/** How often a process says that it is well. The supervisor calls one unwell after four missed ones. */
const INTERVAL_MS = 5_000;

/**
 * Says every five seconds that this process's event loop turns, in `<LABELLOOP_HOME>/health/<name>.json` as
 * `{pid, time}` (time in milliseconds since 1970). The supervisor that started the process reads it; where none did,
 * there is no `LABELLOOP_PROCESS` and this does nothing. Call it once the process can work, not before.
 *
 * @param name under which the supervisor knows the process
 * @returns how to stop
 */
export function reportHealth(name = process.env['LABELLOOP_PROCESS']): () => void {
  const home = process.env['LABELLOOP_HOME'];
  if (name === undefined || home === undefined) return () => undefined;
  const file = path.join(home, 'health', `${name}.json`);
  const write = (): void => {
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(`${file}.draft`, JSON.stringify({ pid: process.pid, time: Date.now() }));
      fs.renameSync(`${file}.draft`, file);
    } catch {
      // A full disk must not end a worker that could still finish; silence is the message then.
    }
  };
  write();
  const timer = setInterval(write, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
