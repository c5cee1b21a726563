import { shorten } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';

/** Colours by meaning; style.ts has them for light and dark. */
export type Tone = 'accepted' | 'open' | 'outlier' | 'error' | 'estimate';

/** Charts are drawn for this width and scale with the page; letters of 12 stay readable on a phone. */
const WIDTH = 420;
const HEIGHT = 240;
const MARGIN = { top: 14, right: 16, bottom: 38, left: 54 };

/** Round numbers (1, 2, 2.5, 5 times a power of ten) that cover `low` to `high` in about `wanted` steps. */
export function niceTicks(low: number, high: number, wanted = 4): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9)) ?? 10 * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

type Scale = (value: number) => number;
const linear =
  (from: readonly [number, number], to: readonly [number, number]): Scale =>
  (value) =>
    from[1] === from[0] ? (to[0] + to[1]) / 2 : to[0] + ((value - from[0]) / (from[1] - from[0])) * (to[1] - to[0]);

/** Coordinates to a tenth: finer is not seen. */
const at = (value: number): string => value.toFixed(1);

/** A picture that a screen reader reads by its title and description. */
function figure(name: string, description: string, width: number, height: number, body: readonly Markup[]): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}. ${description}">
    <title>${name}</title>
    ${body}
  </svg>`;
}

function yAxis(ticks: readonly number[], y: Scale, format: (value: number) => string, right: number): Markup[] {
  return ticks.map(
    (tick) =>
      html`<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${at(y(tick))}" y2="${at(y(tick))}" /><text
          class="tick"
          x="${MARGIN.left - 7}"
          y="${at(y(tick) + 4)}"
          text-anchor="end"
          >${format(tick)}</text
        >`,
  );
}

const xTick = (x: number, bottom: number, label: string): Markup =>
  html`<text class="tick" x="${at(x)}" y="${bottom + 17}" text-anchor="middle">${label}</text>`;

const xTitle = (bottom: number, label: string): Markup =>
  html`<text class="tick" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${bottom + 34}" text-anchor="middle"
    >${label}</text
  >`;

export interface Series {
  name: string;
  tone: Tone;
  /** A value an x; null leaves a gap. */
  values: readonly (number | null)[];
  /** Interval around each value, drawn as a whisker. */
  intervals?: readonly ({ lower: number; upper: number } | null)[];
  dashed?: boolean;
}

export interface LineChart {
  title: string;
  description: string;
  x: readonly number[];
  xLabel: string;
  series: readonly Series[];
  /** A horizontal line to compare with. */
  reference?: { value: number; label: string };
  /** The axis covers the values and these. */
  include?: readonly number[];
  format: (value: number) => string;
  tickFormat: (value: number) => string;
}

/** Labels of every x up to so many, then of every few. */
const MAX_X_LABELS = 12;

export function lineChart(chart: LineChart): Markup {
  const { x: xs, series, reference, format } = chart;
  const intervals = series.flatMap((s) => s.intervals ?? []).filter((i) => i !== null);
  const seen = [
    ...series.flatMap((s) => s.values).filter((v) => v !== null),
    ...intervals.flatMap((i) => [i.lower, i.upper]),
    ...(reference ? [reference.value] : []),
    ...(chart.include ?? []),
  ];
  const ticks = niceTicks(Math.min(...seen), Math.max(...seen));
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const y = linear([ticks[0]!, ticks.at(-1)!], [bottom, MARGIN.top]);
  const x = linear([xs[0]!, xs.at(-1)!], [MARGIN.left + 24, right - 24]);
  const every = Math.ceil(xs.length / MAX_X_LABELS);

  const drawn = series.map(({ name, tone, values, intervals, dashed }) => {
    const points = values.flatMap((value, i) => (value === null ? [] : [{ value, i, cx: x(xs[i]!), cy: y(value) }]));
    const path = points.map((p) => `${at(p.cx)},${at(p.cy)}`).join(' ');
    return html`<polyline class="line ${tone} ${dashed && 'dashed'}" points="${path}" />${points.map(
        ({ value, i, cx, cy }) => {
          const interval = intervals?.[i];
          return html`${
              interval &&
              html`<line
                class="line ${tone}"
                x1="${at(cx)}"
                x2="${at(cx)}"
                y1="${at(y(interval.lower))}"
                y2="${at(y(interval.upper))}"
              />`
            }<circle class="dot ${tone}" cx="${at(cx)}" cy="${at(cy)}" r="3.5"
              ><title>${chart.xLabel} ${xs[i]}, ${name}: ${format(value)}</title></circle
            >`;
        },
      )}`;
  });
  return figure(chart.title, chart.description, WIDTH, HEIGHT, [
    ...yAxis(ticks, y, chart.tickFormat, right),
    ...xs.flatMap((value, i) => (i % every === 0 ? [xTick(x(value), bottom, String(value))] : [])),
    xTitle(bottom, chart.xLabel),
    ...(reference ? [referenceLine(reference, y(reference.value), right)] : []),
    ...drawn,
  ]);
}

function referenceLine({ label }: { label: string }, y: number, right: number): Markup {
  return html`<line class="reference" x1="${MARGIN.left}" x2="${right}" y1="${at(y)}" y2="${at(y)}" /><text
      class="tick"
      x="${right}"
      y="${at(y - 5)}"
      text-anchor="end"
      >${label}</text
    >`;
}

export interface DiagonalChart {
  title: string;
  description: string;
  xLabel: string;
  /** Points from (0, 0) to (1, 1), ascending in x. */
  series: readonly {
    name: string;
    tone: Tone;
    points: readonly { x: number; y: number; small: boolean; title: string }[];
  }[];
  tickFormat: (value: number) => string;
}

/** Shares against shares, with the diagonal on which both are equal. */
export function diagonalChart({ title, description, xLabel, series, tickFormat }: DiagonalChart): Markup {
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const x = linear([0, 1], [MARGIN.left, right - 10]);
  const y = linear([0, 1], [bottom, MARGIN.top]);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return figure(title, description, WIDTH, HEIGHT, [
    ...yAxis(ticks, y, tickFormat, right),
    ...ticks.map((tick) => xTick(x(tick), bottom, tickFormat(tick))),
    xTitle(bottom, xLabel),
    html`<line class="reference" x1="${at(x(0))}" y1="${at(y(0))}" x2="${at(x(1))}" y2="${at(y(1))}" />`,
    ...series.map(({ name, tone, points }) => {
      const path = points.map((p) => `${at(x(p.x))},${at(y(p.y))}`).join(' ');
      return html`<polyline class="line ${tone}" points="${path}" />${points.map(
          (p) =>
            html`<circle class="dot ${tone}" cx="${at(x(p.x))}" cy="${at(y(p.y))}" r="${p.small ? 2 : 4}"
              ><title>${name}, ${p.title}</title></circle
            >`,
        )}`;
    }),
  ]);
}

export interface Histogram {
  title: string;
  description: string;
  /** Bars stand one on the other, in this order; a number a bin. */
  stacks: readonly { name: string; tone: Tone; counts: readonly number[] }[];
  /** Labels at bin edges; bins are equally wide on paper. */
  ticks: readonly { edge: number; label: string }[];
  xLabel: string;
  /** A vertical line, at an edge or between two. */
  mark: { edge: number; label: string } | null;
  format: (value: number) => string;
}

export function histogram({ title, description, stacks, ticks, xLabel, mark, format }: Histogram): Markup {
  const bins = stacks[0]?.counts.length ?? 0;
  const totals = Array.from({ length: bins }, (_, bin) => stacks.reduce((sum, s) => sum + (s.counts[bin] ?? 0), 0));
  const yTicks = niceTicks(0, Math.max(1, ...totals));
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const top = MARGIN.top + 12;
  const y = linear([0, yTicks.at(-1)!], [bottom, top]);
  const x = linear([0, bins], [MARGIN.left, right]);
  const bars = totals.map((total, bin) => {
    let below = 0;
    const parts = stacks.map(({ tone, counts }) => {
      const from = below;
      below += counts[bin] ?? 0;
      const width = x(bin + 1) - x(bin) - 1;
      return (
        below > from &&
        html`<rect
          class="bar ${tone}"
          x="${at(x(bin))}"
          width="${at(width)}"
          y="${at(y(below))}"
          height="${at(y(from) - y(below))}"
        />`
      );
    });
    const content = stacks.map(({ name, counts }) => `${name} ${format(counts[bin] ?? 0)}`).join(', ');
    return total > 0 && html`<g>${parts}<title>${content}</title></g>`;
  });
  return figure(title, description, WIDTH, HEIGHT, [
    ...yAxis(yTicks, y, format, right),
    html`${bars}`,
    ...ticks.map(({ edge, label }) => xTick(x(edge), bottom, label)),
    xTitle(bottom, xLabel),
    html`${mark && cutLine(x(mark.edge), bottom, mark.label, mark.edge > bins / 2)}`,
  ]);
}

function cutLine(x: number, bottom: number, label: string, toTheLeft: boolean): Markup {
  return html`<line class="cut" x1="${at(x)}" x2="${at(x)}" y1="${MARGIN.top - 4}" y2="${bottom}" /><text
      class="value"
      x="${at(x + (toTheLeft ? -5 : 5))}"
      y="${MARGIN.top + 5}"
      text-anchor="${toTheLeft ? 'end' : 'start'}"
      >${label}</text
    >`;
}

export interface Bars {
  title: string;
  description: string;
  tone: Tone;
  /** `text` stands for the formatted value where it is given. */
  bars: readonly { name: string; value: number; text?: string }[];
  format: (value: number) => string;
}

/** Horizontal bars, one a row. */
export function barChart({ title, description, tone, bars, format }: Bars): Markup {
  const row = 20;
  const left = 104;
  const x = linear([0, Math.max(1, ...bars.map((b) => b.value))], [0, WIDTH - left - 60]);
  return figure(
    title,
    description,
    WIDTH,
    bars.length * row + 6,
    bars.map(({ name, value, text = format(value) }, i) => {
      const y = i * row + 3;
      return html`<g
        ><title>${name}: ${text}</title
        ><text class="tick" x="${left - 8}" y="${y + 13}" text-anchor="end">${shorten(name, 13)}</text
        ><rect class="bar ${tone}" x="${left}" y="${y + 2}" width="${at(x(value))}" height="${row - 5}" /><text
          class="value"
          x="${at(left + x(value) + 6)}"
          y="${y + 13}"
          >${text}</text
        ></g
      >`;
    }),
  );
}

export interface HeatMap {
  title: string;
  description: string;
  /** Names of rows and columns. */
  names: readonly string[];
  rowLabel: string;
  columnLabel: string;
  cells: readonly (readonly number[])[];
  format: (value: number) => string;
}

/** Cells of more rows than this are too small for a number. */
const MAX_WRITTEN = 16;

/** A square table, agreement on the diagonal and mistakes beside it, each shaded by its share of the row. */
export function heatMap({ title, description, names, rowLabel, columnLabel, cells, format }: HeatMap): Markup {
  const n = names.length;
  const left = 84;
  const top = 58;
  const side = (WIDTH - left - 6) / n;
  const drawn = cells.flatMap((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((value, j) => {
      // Square root and offset, as mistakes are a few in a hundred and would be invisible in proportion.
      const strength = value === 0 ? 0 : 0.2 + 0.8 * Math.sqrt(value / sum);
      const x = left + j * side;
      const y = top + i * side;
      return html`<g
        ><title>${rowLabel} ${names[i]}, ${columnLabel} ${names[j]}: ${format(value)}</title
        ><rect class="cell" x="${at(x)}" y="${at(y)}" width="${at(side - 1)}" height="${at(side - 1)}" /><rect
          class="bar ${i === j ? 'accepted' : 'error'}"
          fill-opacity="${strength.toFixed(3)}"
          x="${at(x)}"
          y="${at(y)}"
          width="${at(side - 1)}"
          height="${at(side - 1)}"
        />${
          value > 0 &&
          n <= MAX_WRITTEN &&
          html`<text
            class="cell-value ${strength > 0.6 && 'on-fill'}"
            x="${at(x + side / 2)}"
            y="${at(y + side / 2 + 4)}"
            text-anchor="middle"
            >${value}</text
          >`
        }</g
      >`;
    });
  });
  const everyName = names.map((name, i) => {
    const middle = at(left + (i + 0.5) * side);
    return html`<text class="tick" x="${left - 6}" y="${at(top + (i + 0.5) * side + 4)}" text-anchor="end"
        >${shorten(name, 10)}</text
      ><text class="tick" x="${middle}" y="${top - 6}" transform="rotate(-40 ${middle} ${top - 6})"
        >${shorten(name, 8)}</text
      >`;
  });
  return figure(title, description, WIDTH, top + n * side + 4, [
    html`<text class="tick" x="${left - 6}" y="14" text-anchor="end">${rowLabel} ↓</text
      ><text class="tick" x="${left}" y="14">${columnLabel} →</text>`,
    html`${side >= 11 && everyName}`,
    ...drawn,
  ]);
}
