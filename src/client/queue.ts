import { createHash } from 'node:crypto';
import type { DueFile } from '../contracts/audit-stages.js';

/** An image to show, and whether another person has answered it. */
export interface Asked {
  id: string;
  position: number;
  again: boolean;
}

/**
 * Of ten images, about seven that the audit needs, one that a second person answers, two that the run asks for itself: enough
 * of each that an image does not tell which it is, and the audit is not held up.
 */
const AUDIT = 0.7;
const SECOND = 0.8;

/**
 * The next images for one person. What the audit needs is shared out by hash among those who answer, so that two rarely see
 * the same at once; who is done with theirs goes on with the others'. One person alone gets them in draw order.
 */
export function nextFor(by: string, limit: number, { seen, due, seconds, open, people }: DueFile): Asked[] {
  const others = people.filter((name) => name !== by);
  const all = [...others, by].sort();
  const mine = all.indexOf(by);
  const isMine = ({ id }: { id: string }): boolean => number(id) % all.length === mine;
  const queues = {
    audit: [...due.filter(isMine), ...due.filter((each) => !isMine(each))].map((each) => ({ ...each, again: false })),
    second: seconds.filter((each) => each.by !== by).map(({ id, position }) => ({ id, position, again: true })),
    open: [...open.filter(isMine), ...open.filter((each) => !isMine(each))].map((each) => ({ ...each, again: false })),
  };
  const asked: Asked[] = [];
  for (let i = 0; asked.length < limit; i++) {
    const share = number(`${by} ${seen + i}`) / 2 ** 48;
    const order =
      share < AUDIT
        ? [queues.audit, queues.second, queues.open]
        : share < SECOND
          ? [queues.second, queues.audit, queues.open]
          : [queues.open, queues.audit, queues.second];
    const next = order.find((queue) => queue.length > 0)?.shift();
    if (!next) break;
    asked.push(next);
  }
  return asked;
}

const number = (text: string): number => createHash('sha256').update(text).digest().readUIntBE(0, 6);
