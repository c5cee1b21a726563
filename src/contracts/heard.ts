import { z } from 'zod';
import { ref } from './references.js';

/** People's labels that students learn from: of the images of a dataset that train, and of those in its pool. */
export const lesson = z.strictObject({
  dataset: ref,
  split: ref,
  /** Labels of the pool, of which people's count; absent where a release before wrote it. */
  labels: ref.optional(),
});
export type Lesson = z.infer<typeof lesson>;

/**
 * The labels that a model which moves was taught by, and that its students go on hearing beside those of where it moves
 * to: of the run that it comes from, and of those that this one's came from, the nearest first.
 */
export const heard = lesson.extend({ earlier: z.array(lesson).optional() });
export type Heard = z.infer<typeof heard>;

/** As a list. */
export const lessonsOf = ({ earlier = [], ...own }: Heard): Lesson[] => [own, ...earlier];
