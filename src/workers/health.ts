import fs from 'node:fs';
import path from 'node:path';

/** How often a process says that it is well, and who its learner is. The supervisor bears with 20 s of silence. */
const INTERVAL_MS = 2_000;

/**
 * Says every two seconds that this process's event loop turns, in `<LABELLOOP_HOME>/health/<name>.json` as
 * `{pid, time, learner}` (time in milliseconds since 1970; the process id of its learner, or null). The supervisor that started the process reads it; where none did,
 * there is no `LABELLOOP_PROCESS` and this does nothing. Call it once the process can work, not before.
 *
 * @param learner tells the learner's process id, while there is one
 * @param name under which the supervisor knows the process
 * @returns how to stop
 */
export function reportHealth(
  learner: () => number | undefined = () => undefined,
  name = process.env['LABELLOOP_PROCESS'],
): () => void {
  const home = process.env['LABELLOOP_HOME'];
  if (name === undefined || home === undefined) return () => undefined;
  const file = path.join(home, 'health', `${name}.json`);
  const write = (): void => {
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(
        `${file}.draft`,
        JSON.stringify({ pid: process.pid, time: Date.now(), learner: learner() ?? null }),
      );
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
