import type { AuditPhase } from './audit.js';

/** Tells somebody that people are needed, or are no longer. No pixels, no ids of images, no secrets. */
export interface Notice {
  format: 'labelloop.notice/1';
  event: 'waiting' | 'ended';
  run: string;
  audit: number;
  phase: AuditPhase;
  /** What people are to do: give the nonce, or answer; null once the audit has ended. */
  waitsFor: 'nonce' | 'answers' | null;
  /** What a person would read. */
  words: string;
  /** Answers so far, and how many are expected in all; null before the plan. */
  answers: { given: number; expected: number | null };
  /** Commands that lead on. */
  next: string[];
}

/** A way on which a notice was sent, and what became of it. `target` names no path or query: webhooks hide secrets there. */
export interface NoticeDelivery {
  target: string;
  delivered: boolean;
  tries: number;
  /** Why not; null where it was delivered. */
  reason: string | null;
}
