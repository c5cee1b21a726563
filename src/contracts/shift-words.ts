import type { ShiftSummary, ShiftTest } from './shift.js';

/** What was compared, as people call it. */
export interface Compared {
  /** E.g. `the calibration images`. */
  known: string;
  /** E.g. `the pool`. */
  seen: string;
  /** Both came in one import, so that an option of it changes both. Default false. */
  together?: boolean;
}

const whole = (n: number): string => n.toLocaleString('en-GB');
const number = (value: number): string => String(Number(value.toPrecision(2)));
const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;
const testWords = ({ of, p }: ShiftTest): string => `${of} p = ${number(p)}`;

/** What to do about negatives. */
const IMPORT_ANEW = "Imported anew with '--invert' it is seen as they are.";
const TURN_ONE = "Turn the one or the other round before they are imported: '--invert' turns a whole import.";

/** Whether two sets of images are of one law, in sentences for people. The first one is the answer. */
export function shiftWords(summary: ShiftSummary, { known, seen, together = false }: Compared): string[] {
  const { tests, differs, outside, expectedOutside, negative } = summary;
  const deciding = tests.filter(({ level }) => level !== null);
  const level = deciding[0]?.level ?? 0;
  const figures = deciding.map(testWords).join(', ');
  const images = `${whole(tests[0]?.known ?? 0)} against ${whole(tests[0]?.seen ?? 0)} images`;
  const each = `${deciding.length > 1 ? 'each ' : ''}at ${percent(level)}`;
  const aside = tests.filter((test) => test.level === null).map(testWords);
  return [
    differs
      ? `${capital(seen)} and ${known} are not alike: two-sample test by permutation, ${figures} (${each}; ${images}).`
      : `No difference between ${seen} and ${known} was found: two-sample test by permutation, ${figures} (${each}; ${images}). That proves no likeness.`,
    ...(aside.length > 0
      ? [`For comparison, and deciding nothing, as the model was trained on ${seen}: ${aside.join(', ')}.`]
      : []),
    ...(negative
      ? [
          `${capital(seen)} looks like a negative of ${known}: ${percent(1 - negative.seen)} of it is dark where these are bright (of these ${percent(1 - negative.known)}). ${together ? TURN_ONE : IMPORT_ANEW}`,
        ]
      : []),
    `Outside every cluster: ${whole(outside)}; as many as ${known} let expect: ${whole(Number(expectedOutside.toPrecision(2)))}.`,
  ];
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
