import type { Protocol } from '../../contracts/audit.js';
import { inThread } from './thread.js';

/** What `drawOrder` is given. */
export interface DrawOrderInput {
  rules: Pick<Protocol, 'drawing' | 'labels' | 'repair'>;
  seed: string;
  ids: readonly string[];
}

/** Draws in a thread of its own, in the order that `drawOrder` gives: a million labels take 10 s on a busy machine. */
export function drawAside({ rules: { drawing, labels, repair }, seed, ids }: DrawOrderInput): Promise<Uint32Array> {
  // Each id is copied to the thread: those alone that it draws from.
  const input: DrawOrderInput = { rules: { drawing, labels, repair }, seed, ids: ids.slice(0, repair.from) };
  return inThread<Uint32Array>('./draw-thread.js', input);
}
