import type { OnLine, Source } from '../messages.js';

/** Something that is on this machine now. */
export interface Provisioned {
  /** A program, a library or a folder, as the thing has it. */
  readonly path: string;
  readonly version: string;
  readonly source: Source;
}

/** What every provisioner needs. */
export interface Setting {
  readonly cache: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: OnLine;
}
