import type { Labelloop } from '../client/index.js';
import type { DatasetManifest } from '../contracts/dataset.js';
import { percent } from './format.js';
import { placesOf, pngAt } from './pixels.js';
import type { Picture } from './types.js';

/** Pictures that are shown; the list has all. */
const PICTURES = 24;

/** Pictures of the human labels that model and cluster deny, the least credible first. */
export async function drawSuspects(
  labelloop: Pick<Labelloop, 'store' | 'suspects'>,
  run: string,
  manifest: DatasetManifest,
): Promise<Picture[]> {
  const shown = (await labelloop.suspects(run)).slice(0, PICTURES);
  const places = await placesOf(
    labelloop.store,
    manifest,
    shown.map(({ id }) => id),
  );
  const pictures: Picture[] = [];
  for (const { id, label, predicted, probability, clusterLabel, clusterProbability } of shown) {
    const place = places.get(id);
    const png = place && (await pngAt(labelloop.store, manifest, place.split, place.position));
    if (!png) continue;
    const note = `model ${predicted} ${percent(probability)}, group ${clusterLabel} ${percent(clusterProbability)}`;
    pictures.push({ png, label, note });
  }
  return pictures;
}
