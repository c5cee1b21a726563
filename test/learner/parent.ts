/** A parent for a test to kill: trains in a learner, and tells its pid once it is at work. */
import { forkLearner } from '../../src/learner/client.js';
import type { TrainTask } from '../../src/contracts/learner.js';

const learner = forkLearner({ threads: 1 });
await learner.train(JSON.parse(process.argv[2] as string) as TrainTask, {
  onProgress: () => process.send?.(learner.pid),
});
