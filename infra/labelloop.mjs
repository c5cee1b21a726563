#!/usr/bin/env node
/** The `labelloop` command. In a checkout it first brings packages and compiled code up to date. */
import { bootstrap, explain } from './bootstrap.mjs';

try {
  await bootstrap();
} catch (error) {
  process.exit(explain(error));
}
const { main } = await import('../dist/src/cli/main.js');
if (typeof main === 'function') await main(process.argv);
