import type { AuditPhase } from './audit.js';

/** Tells somebody that people are needed, or are no longer. No pixels, no ids of images, no secrets. */
export interface Notice {
  format: 'labelloop.notice/1';
  /** `failed` and `cancelled`: it ended without a result; `words` says why, and what to do next. */
  event: 'waiting' | 'ended' | 'failed' | 'cancelled';
  run: string;
  /** Number of the audit; null where questions are asked without one. */
  audit: number | null;
  /** Number of the questions; absent from an audit's notices. */
  questions?: number;
  phase: AuditPhase | 'questions';
  /** What people are to do: give the nonce, or answer; null once nobody is waited for. */
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
