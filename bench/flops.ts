/** A layer's share of the work: weights without biases, and how often each is used for one image. */
interface Layer {
  weights: number;
  positions: number;
}

const convolution = (kernel: number, from: number, to: number, side: number): Layer => ({
  weights: kernel * kernel * from * to,
  positions: side * side,
});
const dense = (from: number, to: number): Layer => ({ weights: from * to, positions: 1 });

/** Layers of `compact` for 28 x 28 x 1 and ten classes. */
const compact = (): Layer[] => [
  convolution(5, 1, 32, 14),
  convolution(3, 32, 64, 14),
  dense(7 * 7 * 64, 128),
  dense(128, 10 + 1),
];

/** Layers of DenseNet-BC, depth 40, growth 12, for 28 x 28 x 1 and ten classes. */
function densenet(growth = 12, depth = 40): Layer[] {
  let width = 2 * growth;
  let side = 28;
  const layers = [convolution(3, 1, width, side)];
  for (let block = 0; block < 3; block++) {
    for (let i = 0; i < (depth - 4) / 6; i++) {
      layers.push(convolution(1, width, 4 * growth, side), convolution(3, 4 * growth, growth, side));
      width += growth;
    }
    if (block < 2) {
      layers.push(convolution(1, width, width / 2, side));
      width /= 2;
      side /= 2;
    }
  }
  return [...layers, dense(width, 10 + 1)];
}

export const LAYERS = { compact, densenet } as const;

/** Multiply-adds of one image's forward pass through the convolutions and dense layers. */
export const multiplyAdds = (network: keyof typeof LAYERS): number =>
  LAYERS[network]().reduce((sum, { weights, positions }) => sum + weights * positions, 0);

/**
 * FLOPs of what one image costs: two a multiply-add; in training the gradients of inputs and of weights cost a forward
 * pass each.
 */
export const flopsPerImage = (network: keyof typeof LAYERS, task: 'train' | 'sample', passes: number): number =>
  2 * multiplyAdds(network) * (task === 'train' ? 3 : passes);
