import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { guarded } from '../../src/activities/stage.js';
import type { Attempt, Deps } from '../../src/activities/stage.js';

const minute = 60_000;

describe("a stage's heartbeats while the learner works", () => {
  before(() => mock.timers.enable({ apis: ['setInterval', 'Date'] }));
  after(() => mock.timers.reset());

  async function counted(work: (attempt: Attempt, beats: () => number) => Promise<void>): Promise<void> {
    const env = new MockActivityEnvironment();
    let beats = 0;
    env.on('heartbeat', () => beats++);
    const deps = { log: pino({ level: 'silent' }) } as unknown as Deps;
    await env.run(() => guarded(deps, 'train', (attempt) => work(attempt, () => beats)));
  }

  it('go on while it compiles; from its first progress on its silence counts', () =>
    counted(async ({ onLearner }, beats) => {
      await onLearner(async ({ onProgress }) => {
        mock.timers.tick(minute);
        assert.ok(beats() >= minute / 20_000, `${beats()} heartbeats in a minute`);
        onProgress({ done: 1, total: 10, imagesPerSecond: 1, loss: 1 });
        const before = beats();
        mock.timers.tick(minute);
        assert.equal(beats(), before);
        return Promise.resolve();
      });
    }));

  it('end where it never says a word', () =>
    counted(async ({ onLearner }, beats) => {
      await onLearner(async () => {
        mock.timers.tick(6 * minute);
        const before = beats();
        mock.timers.tick(minute);
        assert.equal(beats(), before);
        return Promise.resolve();
      });
    }));
});
