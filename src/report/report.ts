import { borrowedWords, isBorrowed } from '../contracts/borrowed-words.js';
import { conditionalWords } from '../contracts/grades.js';
import type { Ref } from '../contracts/references.js';
import type { ShiftFile } from '../contracts/shift.js';
import type { RunView } from '../contracts/run.js';
import { certificateSection, truthAnswered } from './certificate.js';
import {
  classChart,
  confusionChart,
  coverageChart,
  cutoffChart,
  entropyChart,
  errorChart,
  reliabilityChart,
} from './charts.js';
import { count, decimal, NOTHING, percent, time } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';
import { latentsChart } from './latents.js';
import { page } from './page.js';
import { shiftBanner } from './shift.js';
import type { Gallery, Picture, ReportExtra } from './types.js';

export type { EntropyCounts, Gallery, Picture, ReportExtra } from './types.js';

/**
 * The run as one HTML page that needs nothing else: no script, no network, pictures inside. Everything that a user named is
 * escaped, and the page forbids itself to load anything.
 *
 * @param view the run, finished or not
 * @param extra what a view does not hold; galleries are shown in their order, empty ones left out
 */
export function renderReport(view: RunView, extra: ReportExtra): string {
  return page(view.run, [
    head(view),
    certificateSection(view),
    roundsSection(view),
    chartsSection(view, extra),
    lookSection(view, extra.suspects),
    movedSection(extra),
    likenessSection(view, extra),
    picturesSection(extra.pictures),
    budgetSection(view),
    resultsSection(view),
    settingsSection(extra),
  ]);
}

/** How an adapting run's pool lies beside the images that its model comes from, before and after the model moved. */
function movedSection({ moved, classes }: ReportExtra): Markup | null {
  const { before, after } = moved ?? { before: null, after: null };
  if (!before && !after) return null;
  const chart = (file: ShiftFile | null, when: string): Markup | null =>
    file &&
    latentsChart(file.picture, classes, {
      known: `${when}: images that the model comes from, by label`,
      seen: `${when}: this pool, by prediction`,
    });
  return html`<section>
    <h2>The model that moved</h2>
    ${before && shiftBanner(before.summary, { known: 'the images that the model comes from', seen: 'this pool' })}
    ${chart(before, 'Before')} ${chart(after, 'After')}
  </section>`;
}

/** Whether labelled images and pool are alike, and how the last model sees both. */
function likenessSection({ shift }: RunView, { latents, classes }: ReportExtra): Markup | null {
  if (!shift) return null;
  const names = { known: 'the calibration images', seen: 'the pool', together: true };
  return html`<section>
    <h2>Labelled images and pool</h2>
    ${shiftBanner(shift, names)}
    ${latentsChart(latents, classes, { known: 'Labelled images, by label', seen: 'Pool, by prediction' })}
  </section>`;
}

function head(view: RunView): Markup {
  const { run, status, error, dataset, startedAt, endedAt, dryRun } = view;
  return html`<header>
    <h1>${run}</h1>
    <p><span class="status ${status}">${status}</span></p>
    <p class="lead">${summary(view)}</p>
    ${dryRun && html`<p class="banner"><strong>Dry run: the true labels were known and hidden; ${truthAnswered(view) ? 'they answered the audit for people, and are used for the closing comparison' : 'used only for the closing comparison'}.</strong> Figures against the truth are no field results.</p>`}
    ${statement(view)} ${error && html`<p class="banner failure"><strong>${error.code}</strong>: ${error.message}</p>`}
    <p class="soft">
      Dataset ${dataset ?? NOTHING}. Started ${time(startedAt)}${endedAt && `, ended ${time(endedAt)}`}. Written by
      Labelloop.
    </p>
  </header>`;
}

/** The conditional estimate or its refusal, in the colour of its grade. */
function statement({ conditional }: RunView): Markup | null {
  if (!conditional) return null;
  const tone = conditional.grade === 'B' ? 'conditional' : 'estimate';
  return html`<div class="statement ${tone}">
    ${conditionalWords(conditional).map((words) => html`<p>${words}</p>`)}
  </div>`;
}

/** What came out, in sentences for someone who knows none of the terms below. */
function summary(view: RunView): string {
  const { pool, rounds } = view;
  const last = rounds.at(-1);
  if (!last) return 'No round has ended yet.';
  const share = pool.total === 0 ? 0 : last.accepted / pool.total;
  const sentences = [
    `${count(last.accepted)} of ${count(pool.total)} pool images labelled (${percent(share)}); ` +
      `${count(last.open)} are left for people as too uncertain, ${count(last.outliers)} as outliers.`,
  ];
  const truth = last.truth ?? view.truth;
  if (truth?.labelError != null) {
    const interval = truth.labelErrorInterval;
    const between = interval ? ` (95\u00a0% interval ${percent(interval.lower)} to ${percent(interval.upper)})` : '';
    sentences.push(`Compared with the hidden truth, ${percent(truth.labelError)} of these labels are wrong${between}.`);
  } else if (isBorrowed(last)) {
    sentences.push(...borrowedWords(view.run));
  } else if (last.estimate.coverage > 0) {
    sentences.push(`About ${percent(last.estimate.error)} of them may be wrong: an estimate, which promises nothing.`);
  }
  return sentences.join(' ');
}

interface Column {
  title: string;
  text?: boolean;
  cell: (round: RunView['rounds'][number]) => Markup | string;
}

const dryRunColumns: Column[] = [
  {
    title: 'Label error (truth)',
    cell: ({ truth }) => {
      const interval = truth?.labelErrorInterval;
      return html`${percent(truth?.labelError)}${interval && html`<small>${(interval.lower * 100).toFixed(2)} to ${percent(interval.upper)}</small>`}`;
    },
  },
  { title: 'Kappa', cell: ({ truth }) => decimal(truth?.kappa, 3) },
];

const columns = (withTruth: boolean): Column[] => [
  { title: 'Round', cell: ({ round }) => String(round) },
  { title: 'Labelled', cell: ({ accepted }) => count(accepted) },
  { title: 'Added', cell: ({ added }) => count(added) },
  { title: 'Kept', cell: ({ kept }) => count(kept) },
  { title: 'Flipped', cell: ({ flipped }) => count(flipped) },
  { title: 'Revoked', cell: ({ revoked }) => count(revoked) },
  { title: 'Left for people', cell: ({ open }) => count(open) },
  { title: 'Outliers', cell: ({ outliers }) => count(outliers) },
  {
    title: 'Estimated error, grade\u00a0C',
    cell: ({ estimate }) =>
      estimate.coverage > 0 ? html`${percent(estimate.error)}<small>upper ${percent(estimate.upper)}</small>` : NOTHING,
  },
  ...(withTruth ? dryRunColumns : []),
  { title: 'Test accuracy', cell: ({ testAccuracy }) => percent(testAccuracy) },
  { title: 'Seconds', cell: ({ seconds }) => count(seconds) },
  { title: 'From the store', text: true, cell: ({ fromStore }) => fromStore.join(', ') || NOTHING },
];

/** What became of labels once they were given, over all rounds. */
function changesInAll(rounds: RunView['rounds']): string {
  const sum = (each: (round: RunView['rounds'][number]) => number): number =>
    rounds.reduce((total, round) => total + each(round), 0);
  const [decided, flipped, revoked] = [
    sum(({ kept, flipped, revoked }) => kept + flipped + revoked),
    sum((round) => round.flipped),
    sum((round) => round.revoked),
  ];
  const share = decided === 0 ? 0 : (flipped + revoked) / decided;
  return (
    `Labels that were there already were decided ${count(decided)} times: ${count(flipped)} were flipped and ` +
    `${count(revoked)} revoked (${percent(share)}).`
  );
}

function roundsSection({ rounds }: RunView): Markup {
  const withTruth = rounds.some(({ truth }) => truth !== null);
  const shown = columns(withTruth);
  return html`<section>
    <h2>Round by round</h2>
    ${
      rounds.length === 0
        ? html`<p>No round has ended yet.</p>`
        : html`<div class="scroll">
            <table>
              <thead>
                <tr>
                  ${shown.map(({ title, text }) => html`<th scope="col" class="${text && 'text'}">${title}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${rounds.map(
                  (round) =>
                    html`<tr>
                      ${shown.map(({ text, cell }) => html`<td class="${text && 'text'}">${cell(round)}</td>`)}
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
    ${rounds.length > 1 && html`<p>${changesInAll(rounds)}</p>`}
    <p class="soft">
      Labelled counts every label in force; each round decides all of them anew: it adds, keeps, flips (to another
      class) or revokes them. The estimated error comes from calibration labels that steer the run: an estimate that
      promises nothing, since it takes the calibration images for a fair sample of the pool, which self-training breaks;
      its upper limit (95&nbsp;%, one-sided) rests on the same.
      ${withTruth && html`The label error is measured on the hidden truth, below it the exact (Clopper-Pearson) 95&nbsp;% interval.`}
      Seconds are work done in this run; a stage from the store took none.
    </p>
  </section>`;
}

function chartsSection(view: RunView, extra: ReportExtra): Markup {
  const { settings, classes, classCounts, histogram, confusion, cutoff } = extra;
  const begun = view.rounds.length > 0;
  const last = view.rounds.at(-1);
  const borrowed = last !== undefined && isBorrowed(last);
  return html`<section>
    <h2>Charts</h2>
    ${!begun && html`<p>They are drawn once a round has ended.</p>`}
    <div class="charts">
      ${[
        begun && coverageChart(view),
        begun && errorChart(view, settings.threshold === 'target-error' ? settings.targetError : null),
        histogram && entropyChart(histogram, borrowed),
        cutoff && cutoffChart(classes, cutoff),
        cutoff && !borrowed && reliabilityChart(cutoff),
        classCounts && classChart(classes, classCounts),
        confusion && confusionChart(classes, confusion),
      ]}
    </div>
  </section>`;
}

function picture({ png, label, truth, note }: Picture): Markup {
  const wrong = truth !== undefined && truth !== label;
  const source = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return html`<figure class="${wrong && 'wrong'}">
    <img src="${source}" alt="image labelled ${label}" loading="lazy" />
    <figcaption><b>${label}</b>${wrong && html`is ${truth}<br />`}${note}</figcaption>
  </figure>`;
}

/** What people should look at again, as the last round's clusters show it. */
function lookSection({ run, rounds }: RunView, suspects: readonly Picture[]): Markup | null {
  const clustering = rounds.at(-1)?.clustering;
  if (!clustering) return null;
  const { clusters, mixed, duplicates, suspects: denied } = clustering;
  return html`<section>
    <h2>Look at these</h2>
    <p>
      ${count(mixed)} of ${count(clusters)} groups of the pool have no label of their own: what people and the model say
      of them is mixed, or nothing. An answer about an image of such a group tells most.
    </p>
    <p>
      ${duplicates === 0 ? 'No images of the pool look alike.' : html`${count(duplicates)} images of the pool look like another one; <code>labelloop labels duplicates ${run}</code> lists them.`}
    </p>
    ${
      denied === 0
        ? html`<p>No label that people gave is denied by both the model and its group.</p>`
        : html`<h3>Labels to check</h3>
            <p class="soft">
              ${count(denied)} labels that people gave are denied by the model and by the other labels of their group,
              the least credible first; none was changed. <code>labelloop labels suspects ${run}</code> lists them.
            </p>
            <div class="montage">${suspects.map(picture)}</div>`
    }
  </section>`;
}

function picturesSection(galleries: readonly Gallery[]): Markup {
  const shown = galleries.filter(({ items }) => items.length > 0);
  return html`<section>
    <h2>Images</h2>
    ${shown.length === 0 && html`<p>There are none to show yet.</p>`}
    ${shown.map(
      ({ title, caption, items }) =>
        html`<h3>${title}</h3>
          <p class="soft">${caption}</p>
          <div class="montage">${items.map(picture)}</div>`,
    )}
  </section>`;
}

function budgetSection({ budget: { train, validation, calibration, audit } }: RunView): Markup {
  const rows: [string, number, string][] = [
    ['Training', train, 'what every round’s model learns from'],
    ...(validation > 0
      ? [['Validation', validation, 'choose the checkpoint that a model keeps'] satisfies [string, number, string]]
      : []),
    ['Calibration', calibration, 'no training step sees them; the cut-off comes from them'],
    ['Audit', audit, 'answers about finished labels, drawn at random'],
    ['All', train + validation + calibration + audit, ''],
  ];
  return html`<section>
    <h2>Labels that people gave</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Use</th>
            <th scope="col">Images</th>
            <th scope="col" class="text">What for</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ([use, images, note]) =>
              html`<tr>
                <th scope="row">${use}</th>
                <td>${count(images)}</td>
                <td class="text">${note}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

const stored = (ref: Ref | null): Markup =>
  ref
    ? html`<code>sha256/${ref.sha256.slice(0, 2)}/${ref.sha256}</code> (${ref.kind}, ${count(ref.bytes)} bytes)`
    : html`not there yet`;

function resultsSection({ run, labels, model }: RunView): Markup {
  return html`<section>
    <h2>Where the results are</h2>
    <dl>
      <dt>Labels</dt>
      <dd>${stored(labels)}</dd>
      <dt>Model</dt>
      <dd>${stored(model)}</dd>
      <dt>As a file</dt>
      <dd><code>labelloop labels export ${run} --out ${run}.parquet</code></dd>
      <dt>Of one image</dt>
      <dd><code>labelloop labels explain ${run} IMAGE</code></dd>
    </dl>
    <p class="soft">
      Both are objects in the run’s store, under the SHA-256 of their content: the same digest is the same labels, bit
      by bit.
    </p>
  </section>`;
}

function settingsSection({ settings }: ReportExtra): Markup {
  return html`<section>
    <h2>Settings</h2>
    <dl>
      ${Object.entries(settings).map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd><code>${JSON.stringify(value)}</code></dd>`,
      )}
    </dl>
  </section>`;
}
