/** Iterations at most, and the largest relative miss of a class's share that ends them before. */
const ITERATIONS = 500;
const MISS = 1e-6;
/** Power of the mean probabilities: a cluster that is half of one class is more likely mostly of it than half and half. */
const SHARPNESS = 3;
/** Added to every probability: a class that a model gives to no image of a cluster is unlikely there, not impossible. */
const FLOOR = 1e-3;

export interface BalancedLabel {
  /** The class with the largest share of the cluster. */
  label: number;
  /** That share, 0 to 1. */
  share: number;
}

/**
 * Labels of clusters by a model of another dataset, where the shares of the classes are known: the shares of classes in
 * clusters nearest to the model's sharpened mean probabilities (in relative entropy) such that every class comes to its
 * share of all images. Sinkhorn's iteration.
 *
 * A moved model takes whole clusters for another class (thick ones are eights), and is sure of it; but then two clusters ask
 * for one class and none for another. It holds for any order of the clusters and is void where the shares are not known: a
 * wrong share is forced on the labels.
 *
 * @param probabilities mean softmax of each cluster's images, [k][classes]
 * @param sizes images of each cluster, [k]
 * @param shares of the classes among all images, [classes], sum 1
 * Sources: Sinkhorn 1967; Cuturi 2013, arXiv 1306.0895, section 4; for labels of clusters Asano et al. 2020, arXiv 1911.05371.
 */
export function balancedLabels(
  probabilities: readonly (readonly number[])[],
  sizes: readonly number[],
  shares: readonly number[],
): BalancedLabel[] {
  const images = sizes.reduce((sum, size) => sum + size, 0);
  const plan = probabilities.map((row) => row.map((p) => (p + FLOOR) ** SHARPNESS));
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    plan.forEach((row, k) => scale(row, sizes[k] as number));
    const factors = shares.map((share, c) => {
      const held = plan.reduce((sum, row) => sum + (row[c] as number), 0);
      return held > 0 ? (share * images) / held : 1;
    });
    for (const row of plan) factors.forEach((factor, c) => (row[c] = (row[c] as number) * factor));
    if (factors.every((factor) => Math.abs(factor - 1) < MISS)) break;
  }
  return plan.map((row) => {
    scale(row, 1);
    const share = Math.max(...row);
    return { label: row.indexOf(share), share };
  });
}

/** Makes the row sum to `total`. */
function scale(row: number[], total: number): void {
  const sum = row.reduce((a, b) => a + b, 0);
  row.forEach((value, c) => (row[c] = sum > 0 ? (value / sum) * total : 0));
}
