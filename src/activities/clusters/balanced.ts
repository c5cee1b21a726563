import type { Ref } from '../../contracts/references.js';
import type { ClusterRecord } from '../../contracts/stages.js';
import { balancedLabels } from '../../labelling/balance.js';
import type { Store } from '../../store/index.js';
import { readLabels, readManifest } from '../inputs.js';

/** Shares of the classes among a dataset's labelled images, [classes]; classes that it lacks have none. */
export async function classShares(store: Store, dataset: Ref, classes: number): Promise<number[]> {
  const labels = await readLabels(store, await readManifest(store, dataset));
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts.map((count) => count / labels.length);
}

/**
 * The clusters with the labels by which the classes come to their shares.
 *
 * @param sums of the images' mean softmax, by cluster: [k][classes]
 */
export function balanced(
  clusters: readonly ClusterRecord[],
  sums: readonly Float64Array[],
  shares: readonly number[],
): ClusterRecord[] {
  const means = sums.map((row, k) => Array.from(row, (sum) => sum / Math.max(1, clusters[k]?.size ?? 0)));
  const sizes = clusters.map(({ size }) => size);
  const labels = balancedLabels(means, sizes, shares);
  return clusters.map((cluster, k) => {
    const found = labels[k];
    return found && cluster.size > 0 ? { ...cluster, label: found.label, probability: found.share } : cluster;
  });
}
