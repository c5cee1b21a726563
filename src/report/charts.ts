import { ACCEPT_EVERYTHING } from '../contracts/scores.js';
import type { RunView } from '../contracts/run.js';
import type { CutoffFile, Reliability } from '../contracts/stages.js';
import { count, percent, shorten } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';
import { barChart, diagonalChart, heatMap, histogram, lineChart } from './svg.js';
import type { Tone } from './svg.js';
import type { EntropyCounts } from './types.js';

const roundPercent = (share: number): string => `${Number((share * 100).toFixed(2))}\u00a0%`;

const legend = (entries: readonly { name: string; tone: Tone }[]): Markup =>
  html`<div class="legend">${entries.map(({ name, tone }) => html`<span class="${tone}">${name}</span>`)}</div>`;

/** Labelled share of the pool, round by round. */
export function coverageChart({ rounds, pool }: RunView): Markup {
  const values = rounds.map((round) => (pool.total === 0 ? 0 : round.accepted / pool.total));
  return html`<figure>
    <h3>Coverage by round</h3>
    ${legend([{ name: 'labelled share of the pool', tone: 'accepted' }])}
    ${lineChart({
      title: 'Coverage by round',
      description: values.map((value, i) => `Round ${rounds[i]?.round}: ${percent(value)}`).join('; '),
      x: rounds.map(({ round }) => round),
      xLabel: 'round',
      series: [{ name: 'labelled', tone: 'accepted', values }],
      include: [1],
      format: percent,
      tickFormat: roundPercent,
    })}
  </figure>`;
}

/** Label error, measured where the truth is known and estimated, against the target; null where the rule aims at none. */
export function errorChart({ rounds }: RunView, targetError: number | null): Markup {
  const measured = rounds.some(({ truth }) => truth?.labelError != null);
  const estimated = {
    name: 'estimate from calibration labels (grade C)',
    tone: 'estimate' as const,
    // Nothing accepted, nothing to estimate.
    values: rounds.map(({ estimate }) => (estimate.coverage > 0 ? estimate.error : null)),
    dashed: true,
  };
  const measuredError = {
    name: 'measured on the hidden truth, 95\u00a0% interval',
    tone: 'error' as const,
    values: rounds.map(({ truth }) => truth?.labelError ?? null),
    intervals: rounds.map(({ truth }) => truth?.labelErrorInterval ?? null),
  };
  const series = measured ? [estimated, measuredError] : [estimated];
  return html`<figure>
    <h3>Label error by round</h3>
    ${legend(series)}
    ${lineChart({
      title: 'Label error by round',
      description: series
        .map(({ name, values }) => `${name}: ${values.map((value) => percent(value)).join(', ')}`)
        .join('; '),
      x: rounds.map(({ round }) => round),
      xLabel: 'round',
      series,
      ...(targetError !== null && { reference: { value: targetError, label: `target ${roundPercent(targetError)}` } }),
      include: [0],
      format: percent,
      tickFormat: roundPercent,
    })}
  </figure>`;
}

const SUPERSCRIPTS: Record<string, string> = { '-': '⁻', '0': '⁰', '1': '¹', '2': '²', '3': '³', '4': '⁴', '5': '⁵' };
const powerOfTen = (exponent: number): string => {
  if (exponent === 0) return '1';
  return `10${Array.from(String(exponent), (c) => SUPERSCRIPTS[c] ?? c).join('')}`;
};

/** Where a value lies on the edges' axis, on which every bin is one wide; logarithmic within a bin, as bins are. */
function edgeOf(edges: readonly number[], value: number): number {
  const above = edges.findIndex((edge) => value < edge);
  if (above < 0) return edges.length - 1;
  if (above === 0) return 0;
  const low = edges[above - 1]!;
  const high = edges[above]!;
  const share = low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return above - 1 + share;
}

/**
 * Predictive entropy of the pool, by what became of the images, with the cut-off.
 *
 * @param borrowed the cut-off is another run's: no calibration result here chose it
 */
export function entropyChart({ edges, counts, cutoff }: EntropyCounts, borrowed = false): Markup {
  const stacks = [
    { name: 'labelled', tone: 'accepted' as const, counts: counts.accepted },
    { name: 'open', tone: 'open' as const, counts: counts.open },
    { name: 'outliers', tone: 'outlier' as const, counts: counts.outlier },
  ];
  const ticks = edges.flatMap((value, edge) => {
    const exponent = Math.log10(value);
    return Math.abs(exponent - Math.round(exponent)) < 1e-9 ? [{ edge, label: powerOfTen(Math.round(exponent)) }] : [];
  });
  const accepting = cutoff !== null && cutoff >= 0;
  return html`<figure>
    <h3>Predictive entropy of the pool</h3>
    ${legend(stacks)}
    ${histogram({
      title: 'Predictive entropy of the pool',
      description: `Images by predictive entropy and status${accepting ? `; the cut-off is ${cutoff.toPrecision(3)} nats` : ''}.`,
      stacks,
      ticks,
      xLabel: 'predictive entropy in nats (0 = certain), logarithmic',
      mark: accepting ? { edge: edgeOf(edges, cutoff), label: `cut-off ${cutoff.toPrecision(3)}` } : null,
      format: count,
    })}
    ${cutoff === null && html`<p class="soft">The cut-off of this run is another score’s, a rank or one a class, and can’t be drawn here.</p>`}
    ${cutoff !== null && cutoff < 0 && html`<p class="soft">The cut-off accepts nothing: ${borrowed ? 'it is the other run’s' : 'no calibration result met the target'}.</p>`}
  </figure>`;
}

/** More rows than these are a wall, not a picture. */
const MAX_BARS = 40;
const MAX_HEAT = 40;
const MAX_CONFUSIONS = 8;

/** Labels in force by class. */
export function classChart(classes: readonly string[], classCounts: readonly number[]): Markup {
  const bars = classes.map((name, i) => ({ name, value: classCounts[i] ?? 0 }));
  const left = bars.length - MAX_BARS;
  return html`<figure>
    <h3>Labels by class</h3>
    ${barChart({
      title: 'Labels by class',
      description: bars
        .slice(0, MAX_BARS)
        .map(({ name, value }) => `${name}: ${value}`)
        .join(', '),
      tone: 'accepted',
      bars: bars.slice(0, MAX_BARS),
      format: count,
    })}
    ${left > 0 && html`<p class="soft">and ${count(left)} more classes.</p>`}
  </figure>`;
}

/** Bins with fewer images than this are noise: their dots are drawn small. */
const FEW_IMAGES = 10;
const METHODS = { none: 'not scaled', temperature: 'temperature scaling', vector: 'vector scaling' };

/** Reliability of the mean softmax on calibration images, as sampled and scaled. */
export function reliabilityChart({ scaling: { method, before, after } }: CutoffFile): Markup {
  const series = [
    { name: `as sampled, ECE ${percent(before.ece)}`, tone: 'open' as const, points: pointsOf(before) },
    ...(method === 'none'
      ? []
      : [
          { name: `${METHODS[method]}, ECE ${percent(after.ece)}`, tone: 'accepted' as const, points: pointsOf(after) },
        ]),
  ];
  const images = before.bins.reduce((sum, bin) => sum + bin.count, 0);
  return html`<figure>
    <h3>Reliability of the probabilities</h3>
    ${legend(series)}
    ${diagonalChart({
      title: 'Reliability of the probabilities',
      description: series.map(({ name }) => name).join('; '),
      xLabel: 'confidence: largest probability, mean of its bin',
      series,
      tickFormat: roundPercent,
    })}
    <p class="soft">
      Accuracy against confidence on ${count(images)} calibration images; on the diagonal a probability is what it says.
      ECE is the mean distance from
      it${method !== 'none' && ', after scaling on images that the scaling was not fitted on'}. A small dot is fewer
      than ${FEW_IMAGES} images.
    </p>
  </figure>`;
}

const pointsOf = ({ bins }: Reliability) =>
  bins
    .filter((bin) => bin.count > 0)
    .map((bin) => ({
      x: bin.confidence,
      y: bin.accuracy,
      small: bin.count < FEW_IMAGES,
      title: `${count(bin.count)} images: confidence ${percent(bin.confidence)}, accuracy ${percent(bin.accuracy)}`,
    }));

/** A cut-off in words. */
export const cutoffText = (value: number): string =>
  value < 0 ? 'accepts nothing' : value >= ACCEPT_EVERYTHING ? 'accepts everything' : value.toPrecision(3);

/** Cut-offs by predicted class; null where all classes have the same. */
export function cutoffChart(classes: readonly string[], { values, classwise, score }: CutoffFile): Markup | null {
  if (!classwise) return null;
  const left = classes.length - MAX_BARS;
  // A bar without an end is drawn as long as the longest other one.
  const longest = Math.max(0, ...values.filter((value) => value < ACCEPT_EVERYTHING));
  const bars = classes.slice(0, MAX_BARS).map((name, i) => {
    const value = values[i] ?? -1;
    return { name, value: Math.min(longest, Math.max(0, value)), text: cutoffText(value) };
  });
  return html`<figure>
    <h3>Cut-off by predicted class</h3>
    ${barChart({
      title: 'Cut-off by predicted class',
      description: bars.map(({ name, text }) => `${name}: ${text}`).join(', '),
      tone: 'estimate',
      bars,
      format: cutoffText,
    })}
    <p class="soft">
      On the ${score.replaceAll('-', ' ')}: a longer bar accepts more. Classes with too few calibration images share one
      cut-off.${left > 0 && ` And ${count(left)} more classes.`}
    </p>
  </figure>`;
}

/** Truth against labels, and the mistakes that are made most. */
export function confusionChart(classes: readonly string[], confusion: readonly (readonly number[])[]): Markup {
  const mistakes: { names: string; images: number }[] = [];
  const name = (index: number) => shorten(classes[index] ?? '', 30);
  confusion.forEach((row, truth) =>
    row.forEach((images, label) => {
      if (truth !== label && images > 0) mistakes.push({ names: `${name(truth)} labelled ${name(label)}`, images });
    }),
  );
  mistakes.sort((a, b) => b.images - a.images).splice(MAX_CONFUSIONS);
  return html`<figure>
    <h3>Confusion matrix</h3>
    ${
      classes.length <= MAX_HEAT &&
      heatMap({
        title: 'Confusion matrix',
        description: `Most frequent mistakes: ${mistakes.map(({ names, images }) => `${names} ${images}`).join(', ')}`,
        names: classes,
        rowLabel: 'truth',
        columnLabel: 'label',
        cells: confusion,
        format: count,
      })
    }
    <p class="soft">
      ${
        mistakes.length === 0
          ? confusion.flat().some((images) => images > 0)
            ? 'No label is wrong.'
            : 'There is no label to compare.'
          : html`Most frequent mistakes:
            ${mistakes.map(({ names, images }) => `${names} (${count(images)})`).join(', ')}.`
      }
    </p>
  </figure>`;
}
