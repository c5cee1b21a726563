import type { Progress } from '../wire.js';
import { count, element, plural } from './dom.js';
import type { Outbox } from './outbox.js';

/** How many of the latest answers say how long one takes. */
const LATEST = 20;

interface Standing {
  progress: Progress;
  /** Answers given in this page. */
  mine: number;
  /** Seconds of each. */
  durations: readonly number[];
  outbox: Pick<Outbox, 'pending' | 'undoable' | 'offline'>;
}

/** Writes the progress, what is waited for, and where the answers are. */
export function showProgress({ progress, mine, durations, outbox }: Standing): void {
  const { phase, given, expected, most, left, dryRun, words } = progress;
  const bar = element<HTMLProgressElement>('progress');
  bar.max = Math.max(1, given + (expected ?? 0));
  bar.value = given;
  const over = phase === 'done' || phase === 'answered';
  bar.hidden = expected === null || over;
  const parts = phase === null ? [] : [plural(given, 'answer')];
  if (expected !== null && !over) {
    const minutes = Math.ceil((expected * median(durations.slice(-LATEST))) / 60);
    const time = expected > 0 && durations.length >= 5 ? `, ${plural(minutes, 'minute')} at your pace` : '';
    const about = phase === 'questions' ? '' : 'about ';
    const range = most !== null && most > expected ? ` (nine times in ten at most ${count(most)})` : '';
    parts.push(`${about}${count(expected)} to go${range}${time}`);
  }
  if (left !== null && !over && phase !== 'questions') parts.push(`budget left ${count(left)}`);
  if (mine > 0) parts.push(`yours here ${count(mine)}`);
  element('progress-text').textContent = parts.join(' · ');
  element('dry-run').hidden = !dryRun;
  element('words').textContent = words;
  element('status').textContent = statusOf(outbox, mine);
}

function statusOf({ pending, undoable, offline }: Standing['outbox'], mine: number): string {
  if (offline) return `No connection. ${plural(pending, 'answer')} kept in this browser; sent again by itself.`;
  if (undoable !== null && pending === 1) return 'The last answer can be undone; all others are saved.';
  if (pending > 0) return `Sending ${plural(pending, 'answer')}.`;
  return mine > 0 ? 'All answers are saved.' : '';
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
