import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Labelloop } from '../client/index.js';
import type { NovelCluster, NovelImage, NovelView } from '../contracts/novel.js';
import { problem } from '../contracts/errors.js';
import { count, percent } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';
import { page } from './page.js';
import { pngAt } from './pixels.js';

/** Characters of an id on the page; `novel name --not` takes them. */
const SHORT = 8;

/**
 * The clusters that may be new as one HTML page that needs nothing else, for the person who names them. Everything that a user
 * named is escaped, and the page forbids itself to load anything.
 *
 * @param pictures PNG by id
 */
export function renderNovel(view: NovelView, pictures: ReadonlyMap<string, Uint8Array>): string {
  const { run, dataset, round, clusters, candidates, known, reach } = view;
  const content = html`<h1>${run}: maybe new</h1>
    <p class="lead">${lead(view)}</p>
    <p class="soft">
      Dataset ${dataset}, round ${round}. An image is far where it lies more than ${reach.toFixed(2)} from each of the
      ${count(known)} images that people labelled: 95&nbsp;% of these have another one within that distance. A cluster
      is offered where more than half of its images are far and it is tight in itself. This proves nothing: look at the
      pictures. Several clusters may be of one class; give them one name.
    </p>
    ${candidates.map((candidate) => clusterSection(run, candidate, pictures))}
    <p class="soft">
      ${count(clusters)} clusters in all. Naming makes a dataset with one class more; this run, its labels, history and
      certificates stay as they are.
    </p>`;
  return page(`${run} – maybe new`, [content]);
}

function lead({ candidates }: NovelView): string {
  if (candidates.length === 0) return 'No cluster of the pool looks like a class that nobody has labelled.';
  const images = candidates.reduce((sum, { size }) => sum + size, 0);
  const what = candidates.length === 1 ? 'One cluster' : `${count(candidates.length)} clusters`;
  return `${what} of ${count(images)} images may be of classes that nobody has labelled.`;
}

function clusterSection(run: string, candidate: NovelCluster, pictures: ReadonlyMap<string, Uint8Array>): Markup {
  const { cluster, size, open, far, spread, distance, images } = candidate;
  return html`<section>
    <h2>Cluster ${cluster}: maybe new, ${count(size)} images</h2>
    <p class="soft">
      ${count(open)} of them have no label; ${percent(far)} are far from all that is known (mean distance
      ${distance.toFixed(2)}); spread ${spread.toFixed(2)}. The ${images.length} most central ones:
    </p>
    <div class="montage">${images.map((image) => figure(image, pictures.get(image.id)))}</div>
    <p>
      If they are of one class:
      <code>labelloop novel name ${run} ${cluster}=NAME --images ${images.length}</code>; leave wrong ones out with
      <code>--not ID</code>.
    </p>
  </section>`;
}

function figure({ id, name }: NovelImage, png: Uint8Array | undefined): Markup {
  const source = png && `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return html`<figure>
    ${source && html`<img src="${source}" alt="${name}" loading="lazy" />`}
    <figcaption><b>${id.slice(0, SHORT)}</b>${name}</figcaption>
  </figure>`;
}

/**
 * Writes the page of a run's clusters that may be new.
 *
 * @param out file; by default beside the run's report
 * @returns the file and what is on it
 * @throws RUN_UNKNOWN; RUN_NO_RESULTS; USAGE where the file can't be written
 */
export async function writeNovelPage(
  labelloop: Labelloop,
  run: string,
  { images, out }: { images: number; out?: string },
): Promise<{ page: string; view: NovelView }> {
  const view = await labelloop.novel(run, images);
  const manifest = await labelloop.dataset(run);
  const pictures = new Map<string, Uint8Array>();
  for (const { id, position } of view.candidates.flatMap((candidate) => candidate.images)) {
    const png = manifest && (await pngAt(labelloop.store, manifest, 'pool', position));
    if (png) pictures.set(id, png);
  }
  const file = out ?? labelloop.reportFile(run).replace(/\.html$/, '-novel.html');
  try {
    if (out === undefined) await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.part`, renderNovel(view, pictures));
    await rename(`${file}.part`, file);
  } catch (error) {
    throw problem('USAGE', `${file}: can't be written. Name a file in a folder that exists: --out FILE.`, error);
  }
  return { page: file, view };
}
