import type { ShiftFile } from '../contracts/shift.js';
import { count, shorten } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';

type Place = ShiftFile['picture'][number];

/** Ten hues that stay apart on light and dark paper and for most colour-blind readers; more classes go round the circle. */
const HUES = [
  '#3b76c4',
  '#e07b00',
  '#2e9e5b',
  '#c8372d',
  '#8a5cc2',
  '#8c6239',
  '#d95fa8',
  '#7a7f87',
  '#a8a51a',
  '#1aa7b5',
];
const hueOf = (label: number, classes: number): string =>
  classes <= HUES.length ? (HUES[label] ?? '#888') : `hsl(${Math.round((360 * label) / classes)} 60% 50%)`;

const SIDE = 340;
const EDGE = 8;
/** Classes that the legend names. */
const NAMED = 20;

/** Latents in the plane, twice: known images by their label, new ones by prediction, the other side in grey. */
export function latentsChart(
  picture: readonly Place[],
  classes: readonly string[],
  names: { known: string; seen: string },
): Markup | null {
  if (picture.length === 0) return null;
  const labels = [...new Set(picture.map(({ label }) => label))].sort((a, b) => a - b);
  return html`<figure>
    <div class="legend">
      ${labels.slice(0, NAMED).map((label) => html`<span style="--tone: ${hueOf(label, classes.length)}">${shorten(classes[label] ?? 'none', 20)}</span>`)}
      ${labels.length > NAMED && html`and ${count(labels.length - NAMED)} more`}
    </div>
    <div class="charts">
      ${[true, false].map((known) => panel(picture, classes.length, known, known ? names.known : names.seen))}
    </div>
    <p class="soft">
      What the model makes of the images, laid out in the plane (UMAP): near each other is alike to the model. Distances
      between groups and their sizes mean nothing. New images in places without known ones are what the model does not
      know.
    </p>
  </figure>`;
}

function panel(picture: readonly Place[], classes: number, known: boolean, name: string): Markup {
  const at = scale(picture);
  const own = picture.filter((place) => place.known === known);
  const others = picture.filter((place) => place.known !== known);
  const labels = [...new Set(own.map(({ label }) => label))];
  return html`<div>
    <h3>${name}</h3>
    <svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${name}: ${count(own.length)} images by class">
      <title>${name}</title>
      ${dots(others, at, 'var(--rule)')}
      ${labels.map((label) =>
        dots(
          own.filter((place) => place.label === label),
          at,
          hueOf(label, classes),
        ),
      )}
    </svg>
  </div>`;
}

type At = (place: Place) => string;

/** All dots of one colour as one path: strokes of no length with round ends. */
const dots = (places: readonly Place[], at: At, colour: string): Markup =>
  html`<path
    d="${places.map((place) => `M${at(place)}h0`).join('')}"
    stroke="${colour}"
    stroke-width="4.5"
    stroke-linecap="round"
    stroke-opacity="0.8"
    fill="none"
  />`;

/** One scale for both axes and both panels, so that they can be compared. */
function scale(picture: readonly Place[]): At {
  const [xs, ys] = [picture.map(({ x }) => x), picture.map(({ y }) => y)];
  const low = { x: least(xs), y: least(ys) };
  const span = Math.max(-least(xs.map((x) => -x)) - low.x, -least(ys.map((y) => -y)) - low.y) || 1;
  const place = (value: number, from: number): string =>
    (EDGE + ((value - from) / span) * (SIDE - 2 * EDGE)).toFixed(1);
  return ({ x, y }) => `${place(x, low.x)} ${place(y, low.y)}`;
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
