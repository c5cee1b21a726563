import type { WeightName } from '../contracts/presets.js';

/**
 * Weight of a pseudo-label in the student's loss, from its total uncertainty U = mean exp(s) + H[p]; 1 for a certain one.
 *
 * `exp-sqrt-u`: exp(-sqrt U). `annealed`: (1 - ln(1 + sqrt U))^(-tanh(round / 10 - 2)), which lets uncertain labels count more
 * with every round; its base is cut off at 0, where the published formula has no value. Both are in the released code of
 * arXiv 1812.01681, which computes them and trains without; here they count.
 *
 * @param u in nats, >= 0
 * @param round the round whose model gave U
 * @returns 0 to 1
 */
export function pseudoLabelWeight(rule: WeightName, u: number, round: number): number {
  const root = Math.sqrt(Math.max(0, u));
  switch (rule) {
    case 'none':
      return 1;
    case 'exp-sqrt-u':
      return Math.exp(-root);
    case 'annealed':
      // From round 20 on the exponent isn't positive any more: all labels count alike.
      return round >= 20 ? 1 : Math.max(0, 1 - Math.log1p(root)) ** -Math.tanh(0.1 * round - 2);
  }
}
