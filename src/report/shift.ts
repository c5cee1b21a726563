import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Labelloop } from '../client/index.js';
import { datasetManifest } from '../contracts/dataset.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import { problem } from '../contracts/errors.js';
import { shiftWorkflowId } from '../contracts/names.js';
import { shiftFile } from '../contracts/shift.js';
import type { MovedCluster, ShiftFile, ShiftWorkflowOutput } from '../contracts/shift.js';
import { shiftWords } from '../contracts/shift-words.js';
import type { Compared } from '../contracts/shift-words.js';
import { count, decimal, percent } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';
import { latentsChart } from './latents.js';
import { page } from './page.js';
import { pngAt } from './pixels.js';

/** Images outside every cluster that the page shows. */
const PICTURES = 96;

/** An image outside every cluster. */
export interface OutsidePicture {
  png: Uint8Array;
  /** Class of the nearest cluster; empty where that is open. */
  nearest: string;
  distance: number;
}

export interface ShiftReport {
  run: string;
  dataset: string;
  file: ShiftFile;
  /** Of the run. */
  classes: readonly string[];
  pictures: readonly OutsidePicture[];
}

/**
 * Writes the report of a comparison to this machine's reports folder; one file, readable offline.
 *
 * @throws RUN_UNKNOWN, RUN_NO_RESULTS
 */
export async function writeShiftReport(
  labelloop: Labelloop,
  { run, dataset, output }: { run: string; dataset: string; output: ShiftWorkflowOutput },
): Promise<{ path: string; classes: readonly string[] }> {
  const known = await labelloop.dataset(run);
  if (!known) throw problem('RUN_NO_RESULTS', `Run '${run}' has no dataset yet.`);
  const { store } = labelloop;
  const manifest = await store.readJson(output.dataset, datasetManifest);
  const file = await store.readJson(output.shift, shiftFile);
  const pictures = await outsidePictures(labelloop, manifest, file, known.classes);
  const path = labelloop.reportFile(shiftWorkflowId(run, dataset));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, renderShift({ run, dataset, file, classes: known.classes, pictures }));
  await rename(`${path}.part`, path);
  return { path, classes: known.classes };
}

async function outsidePictures(
  { store }: Labelloop,
  manifest: DatasetManifest,
  { outside, labels }: ShiftFile,
  classes: readonly string[],
): Promise<OutsidePicture[]> {
  const split = manifest.counts.pool > 0 ? 'pool' : 'labelled';
  const pictures: OutsidePicture[] = [];
  for (const { position, cluster, distance } of outside.slice(0, PICTURES)) {
    const png = await pngAt(store, manifest, split, position);
    if (png) pictures.push({ png, nearest: classes[labels[cluster] ?? -1] ?? '', distance });
  }
  return pictures;
}

/** The comparison as one HTML page that needs nothing else. */
export function renderShift({ run, dataset, file, classes, pictures }: ShiftReport): string {
  const names: Compared = { known: `the calibration images of run '${run}'`, seen: `dataset '${dataset}'` };
  return page(`${dataset} and ${run}`, [
    html`<header>
      <h1>${dataset}, seen by ${run}</h1>
      ${shiftBanner(file.summary, names)}
    </header>`,
    movedSection(file.summary.moved, classes),
    outsideSection(file.summary.outside, pictures),
    html`<section>
      <h2>Latent space</h2>
      ${latentsChart(file.picture, classes, { known: 'Labelled images of the run, by label', seen: 'New images, by prediction' }) ?? html`<p>It was not laid out.</p>`}
    </section>`,
  ]);
}

/** The answer, in the colour of a warning where the two differ. */
export const shiftBanner = (summary: ShiftFile['summary'], names: Compared): Markup =>
  html`<div class="statement ${summary.differs ? 'open' : 'estimate'}">
    ${shiftWords(summary, names).map((words) => html`<p>${words}</p>`)}
  </div>`;

/** Clusters that moved, a row each. */
export function movedSection(moved: readonly MovedCluster[], classes: readonly string[]): Markup {
  return html`<section>
    <h2>Clusters that moved</h2>
    ${moved.length === 0 ? html`<p>None moved by more than chance.</p>` : movedTable(moved, classes)}
  </section>`;
}

const movedTable = (moved: readonly MovedCluster[], classes: readonly string[]): Markup =>
  html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Cluster</th>
            <th scope="col" class="text">Class</th>
            <th scope="col">Share of known images</th>
            <th scope="col">Share of new images</th>
            <th scope="col">Mean moved by, in spreads</th>
          </tr>
        </thead>
        <tbody>
          ${moved.map(
            ({ cluster, label, knownShare, seenShare, moved: by }) =>
              html`<tr>
                <td>${cluster}</td>
                <td class="text">${classes[label] ?? 'open'}</td>
                <td>${percent(knownShare)}</td>
                <td>${percent(seenShare)}</td>
                <td>${decimal(by, 1)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="soft">
      Most first. Listed are those whose share changed by more than three standard errors, or whose mean moved by more
      than half a spread and twice what chance moves it by.
    </p>`;

function outsideSection(outside: number, pictures: readonly OutsidePicture[]): Markup {
  return html`<section>
    <h2>Outside every cluster</h2>
    ${pictures.length === 0 ? html`<p>No image is.</p>` : html`<p class="soft">The ${count(pictures.length)} farthest of ${count(outside)}, with the class of the nearest cluster and the distance from it.</p>`}
    <div class="montage">${pictures.map(outsideFigure)}</div>
  </section>`;
}

const outsideFigure = ({ png, nearest, distance }: OutsidePicture): Markup =>
  html`<figure>
    <img
      src="data:image/png;base64,${Buffer.from(png).toString('base64')}"
      alt="outside every cluster"
      loading="lazy"
    />
    <figcaption><b>${nearest || '?'}</b>${decimal(distance, 2)}</figcaption>
  </figure>`;
