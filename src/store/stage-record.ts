import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ref, type Ref } from '../contracts/references.js';
import { canonicalJson } from '../contracts/canonical.js';

/** What a stage computed, from what, and how long that took: the object at `stages/<key>.json`. */
export const stageRecord = z.strictObject({
  format: z.literal('labelloop.stage/1'),
  stage: z.string(),
  version: z.int(),
  key: z.string(),
  input: z.unknown(),
  output: z.unknown(),
  /** Seconds of work. */
  seconds: z.number(),
  startedAt: z.iso.datetime(),
  /** Which worker did it. */
  worker: z.string(),
});
export type StageRecord = z.infer<typeof stageRecord>;

/**
 * A stage's address: `<stage>/<64 hex>`, the SHA-256 over the canonical JSON of [stage, version, input]. Equal inputs have
 * one address, whoever computes them and when.
 *
 * @param version of the stage's code: another one gives other numbers, so it has another address
 */
export function stageKey(stage: string, version: number, input: unknown): string {
  const digest = createHash('sha256').update(canonicalJson([stage, version, input]));
  return `${stage}/${digest.digest('hex')}`;
}

/** Every reference inside a value, however deep. */
export function refsIn(value: unknown): Ref[] {
  const parsed = ref.safeParse(value);
  if (parsed.success) return [parsed.data];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(refsIn);
}
