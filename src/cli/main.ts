#!/usr/bin/env node
import process from 'node:process';
import { runCommandLine } from './program.js';
import { services } from './wiring.js';

// `labelloop run list | head` closes the pipe early: nothing is left to say, and nothing went wrong.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const exitCode = await runCommandLine(process.argv.slice(2), services);
// Ends even where a watcher that Ctrl-C left still holds a connection; the empty write lets a pipe drain first.
process.stdout.write('', () => process.exit(exitCode));
