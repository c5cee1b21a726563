import { stripVTControlCharacters } from 'node:util';

/** Thousands with commas: 10000 -> '10,000'. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** A share as a percentage: two decimals below 10 %, where label errors live, one above. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value.toFixed(Math.abs(value) < 10 ? 2 : 1)} %`;
}

/** Seconds in words: '4.2 s', '2 min 10 s', '1 h 05 min'. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

const pad = (value: number): string => String(value).padStart(2, '0');

/** 'labelled' or 'labelled images' by number: plural(1, 'image') -> '1 image', plural(2, 'image') -> '2 images'. */
export const plural = (value: number, noun: string, nouns = `${noun}s`): string =>
  `${count(value)} ${value === 1 ? noun : nouns}`;

/** The first line of a text, without control characters: other processes' messages must not move the cursor. */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text.trim().split('\n')[0] ?? '')
    .replace(/\p{Cc}/gu, ' ')
    .trim();

/** Cuts a line to the terminal's width; a wrapped line would break the redrawing of a block. */
export const fit = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;

export interface Column {
  title: string;
  align?: 'left' | 'right';
}

/**
 * A table of text, columns two spaces apart. Where it is wider than `width` and the transposed table is not, columns
 * and rows change places, so that few wide rows stay readable on a narrow terminal.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const upright = lay([columns.map((column) => column.title), ...rows], (index) => columns[index]?.align ?? 'left');
  if (widest(upright) <= width) return upright;
  const turned = lay(
    columns.map((column, index) => [column.title, ...rows.map((row) => row[index] ?? '')]),
    (index) => (index === 0 ? 'left' : 'right'),
  );
  return widest(turned) <= width ? turned : upright;
}

const widest = (lines: readonly string[]): number => Math.max(0, ...lines.map((line) => line.length));

function lay(cells: readonly (readonly string[])[], align: (index: number) => 'left' | 'right'): string[] {
  const widths = (cells[0] ?? []).map((_, index) => Math.max(...cells.map((row) => (row[index] ?? '').length)));
  return cells.map((row) =>
    widths
      .map((width, index) => {
        const cell = row[index] ?? '';
        return align(index) === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Names and values under each other: the first words of a `show`. */
export const pairs = (entries: readonly (readonly [string, string])[]): string[] => lay(entries, () => 'left');
