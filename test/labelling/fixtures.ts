import { readFileSync } from 'node:fs';

/** Values of other implementations, made by the scripts test/fixtures/make-*.py. */
export const fixture = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../../test/fixtures/${name}`, import.meta.url), 'utf8')) as T;
