import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../../../package.json') as { version: string };

/** What protocols and certificates name as their maker. */
export const SOFTWARE = `labelloop ${version}`;
