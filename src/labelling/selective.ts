/** A ranking of predictions by their uncertainty, against the truth. */
export interface SelectiveRisk {
  /** Area under the risk-coverage curve: the mean over all k of the error of the k most certain images. */
  aurc: number;
  /** The largest share of the images, most certain first, whose error is at most `error`; for each error asked for. */
  coverageAt: { error: number; coverage: number }[];
}

/**
 * How well an uncertainty ranks a model's mistakes last, whatever cut-off was in force. Reads the truth: for measuring alone.
 *
 * Equal scores can't be told apart: they enter together, their mistakes spread evenly over their places.
 *
 * @param scores small is certain, [n]
 * @param wrong 1 where the prediction is wrong, [n]
 * @param errors label errors to give the coverage for
 * Source: Geifman, Uziel and El-Yaniv 2019, arXiv 1805.08206, section 2.
 */
export function selectiveRisk(
  scores: ArrayLike<number>,
  wrong: ArrayLike<number>,
  errors: readonly number[],
): SelectiveRisk {
  const n = scores.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => (scores[a] as number) - (scores[b] as number),
  );
  const coverageAt = errors.map((error) => ({ error, coverage: 0 }));
  let risks = 0;
  let mistakes = 0;
  for (let start = 0; start < n;) {
    let end = start;
    let inGroup = 0;
    for (; end < n && scores[order[end] as number] === scores[order[start] as number]; end++)
      inGroup += wrong[order[end] as number] as number;
    for (let k = start + 1; k <= end; k++) risks += (mistakes + (inGroup * (k - start)) / (end - start)) / k;
    mistakes += inGroup;
    for (const at of coverageAt) if (mistakes <= at.error * end) at.coverage = end / n;
    start = end;
  }
  return { aurc: n === 0 ? 0 : risks / n, coverageAt };
}
