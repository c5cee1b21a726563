import assert from 'node:assert/strict';
import { progressDisplay, progressLine, progressLines } from '../../src/cli/progress-view.js';
import { progress } from './fixtures.js';

describe('progress of a run', () => {
  it('shows round, stage, step, speed, loss, accepted and time left', () => {
    assert.deepEqual(progressLines(progress(), 100), [
      'shells-1a2b3c4d  round 2/3  train: the student learns from labels and pseudo-labels',
      '  [############............]  50 %  step 600/1,200  5,400 images/s  loss 0.213',
      '  accepted 9,312 of 10,000 (93.1 %)   open 588   outliers 100',
      '  time left about 2 min 10 s',
    ]);
  });

  it('counts shards while it samples, with the ones in flight in the bar, and sums their speed', () => {
    const task = {
      stage: 'sample',
      done: 2048,
      total: 4096,
      imagesPerSecond: 1000,
      loss: null,
      attempt: 1,
      lastFailure: null,
    };
    const [, work] = progressLines(
      progress({ stage: 'sample', shards: { done: 1, total: 3 }, tasks: [task, { ...task, done: 0 }] }),
      100,
    );
    assert.equal(work, '  [############............]  50 %  shards 1/3  2,000 images/s');
  });

  it('says that it starts before there is a stage, without figures that are not known', () => {
    const lines = progressLines(
      progress({
        stage: null,
        tasks: [],
        secondsLeft: null,
        pool: { total: 0, labelled: 0, open: 0, outliers: 0 },
        shards: { done: 0, total: 0 },
      }),
    );
    assert.match(lines[0] ?? '', /starting$/);
    assert.equal(lines[2], '  accepted 0   open 0   outliers 0');
    assert.equal(lines[3], '  time left not known yet');
  });

  it('says how a paused run goes on', () => {
    const lines = progressLines(progress({ status: 'paused' }));
    assert.match(lines[0] ?? '', /\(paused\)/);
    assert.equal(lines[3], '  go on: labelloop run resume shells-1a2b3c4d');
  });

  const failing = progress({
    tasks: [
      {
        stage: 'train',
        done: 1,
        total: 2,
        imagesPerSecond: 0,
        loss: null,
        attempt: 3,
        lastFailure: 'LEARNER_DIED: the learner ended by SIGKILL\n  at x',
      },
    ],
  });

  it('warns of a task that had to be tried again, with the last failure in words', () => {
    assert.equal(
      progressLines(failing, 100)[4],
      '  ! train: attempt 3, since the last one failed: LEARNER_DIED: the learner ended by SIGKILL',
    );
  });

  it('fits every line into the terminal', () => {
    for (const line of progressLines(failing, 40)) assert.ok(line.length <= 40, line);
  });

  it('fits into one line of a log', () => {
    assert.equal(
      progressLine(progress()),
      'round 2/3  train  step 600/1,200  5,400 images/s  loss 0.213  accepted 9,312 of 10,000 (93.1 %), about 2 min 10 s left',
    );
  });
});

describe('the display of progress', () => {
  const screen = (isTTY: boolean) => {
    const written: string[] = [];
    const clock = { ms: 0 };
    const write = (text: string): void => void written.push(text);
    return { written, clock, display: progressDisplay({ write, isTTY, columns: 80 }, () => clock.ms) };
  };

  it('redraws a block on a terminal at most four times a second', () => {
    const { written, clock, display } = screen(true);
    for (clock.ms = 0; clock.ms < 1000; clock.ms += 10) display.show(progress());
    assert.equal(written.length, 4);
    assert.ok(!(written[0] ?? '').includes('\u001b'));
    assert.ok((written[1] ?? '').startsWith('\u001b[4A\u001b[J'));
  });

  it('leaves the last state on the terminal', () => {
    const { written, display } = screen(true);
    display.show(progress({ round: 2 }));
    display.show(progress({ round: 3 }));
    display.end();
    assert.match(written.at(-1) ?? '', /round 3\/3/);
  });

  it('goes up by the height of the block before, where a warning came and went', () => {
    const { written, clock, display } = screen(true);
    const tasks = [{ ...progress().tasks[0]!, attempt: 2 }];
    for (const state of [progress(), progress({ tasks }), progress()]) {
      display.show(state);
      clock.ms += 1000;
    }
    assert.ok((written[1] ?? '').startsWith('\u001b[4A'));
    assert.ok((written[2] ?? '').startsWith('\u001b[5A'));
  });

  it('writes a line at each change of stage and otherwise every five seconds elsewhere', () => {
    const { written, clock, display } = screen(false);
    for (clock.ms = 0; clock.ms < 10_000; clock.ms += 500) display.show(progress());
    assert.equal(written.length, 2);
    display.show(progress({ stage: 'sample' }));
    assert.equal(written.length, 3);
    assert.ok(!written.join('').includes('\u001b'));
  });

  it('says a warning once in a log', () => {
    const { written, display } = screen(false);
    const tasks = [{ ...progress().tasks[0]!, attempt: 2, lastFailure: 'STORE_UNAVAILABLE: no answer' }];
    display.show(progress({ tasks }));
    display.show(progress({ tasks }));
    assert.deepEqual(written.slice(1), [
      '! train: attempt 2, since the last one failed: STORE_UNAVAILABLE: no answer\n',
    ]);
  });
});
