import { readFileSync } from 'node:fs';

/** Values of other implementations, see test/fixtures/make-statistics.py. */
export const fixture = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../../test/fixtures/${name}`, import.meta.url), 'utf8')) as T;
