import { elements } from './nodes.js';
import type { Graph, Signature, Value } from './nodes.js';
import type { Call } from './simplify.js';

/** Which inputs and outputs of an op are of its type T, 'all' by default; the others keep their types. */
interface Typed {
  inputs?: number[];
  outputs?: number[];
}

/** Nearly all of a network's arithmetic: in bfloat16 wherever they stand. */
const HEAVY: Record<string, Typed> = {
  Conv2D: {},
  Conv2DBackpropInput: { inputs: [1, 2] },
  Conv2DBackpropFilter: { inputs: [0, 2] },
  MatMul: {},
  BatchMatMulV2: {},
};

/** What works on activations: in bfloat16 where an activation comes in bfloat16, so that no cast stands between. */
const FOLLOWING: Record<string, Typed> = {
  Relu: {},
  ReluGrad: {},
  Maximum: {},
  BiasAdd: {},
  BiasAddGrad: {},
  // Scale, offset and the statistics stay float32: sums over a whole batch don't fit into 8 bits.
  FusedBatchNormV3: { inputs: [0], outputs: [0] },
  FusedBatchNormGradV3: { inputs: [0, 1], outputs: [0] },
  MaxPool: {},
  MaxPoolGrad: {},
  AvgPool: {},
  AvgPoolGrad: { inputs: [1] },
  ConcatV2: {},
  SplitV: {},
  Slice: {},
  SelectV2: {},
  Mul: {},
  Add: {},
  AddV2: {},
  AddN: {},
  Sub: {},
};

/** Gradients of weights: float32 from here on, since an optimiser adds up what is far smaller than the weight. */
const TO_WEIGHTS = new Set(['Conv2DBackpropFilter', 'BiasAddGrad']);

/** Multiplications below which a matrix product stays float32: the heads, whose logits decide, cost nothing. */
const SMALL_PRODUCT = 1e7;

/** Decides which ops run in bfloat16 and puts the casts in, each once. */
export class Precision {
  private readonly casts = new Map<Value, Value>();

  constructor(
    private readonly graph: Graph,
    private readonly precision: 'float32' | 'bfloat16',
  ) {}

  /** The value in float32, if it was narrowed. */
  wide = (value: Value): Value => (value.type === 'bfloat16' ? this.cast(value, 'float32') : value);

  /** Adds the op, narrowed or not. */
  add(call: Call): Value[] {
    const typed = this.precision === 'float32' ? undefined : this.narrowing(call);
    const { op, attributes, outputs } = call;
    if (typed === undefined) return this.graph.add(op, attributes, call.inputs.map(this.wide), outputs);
    const isTyped = (indices: number[] | undefined, index: number, type: string) =>
      type !== 'int32' && type !== 'bool' && (indices?.includes(index) ?? true);
    const inputs = call.inputs.map((value, i) =>
      isTyped(typed.inputs, i, value.type) ? this.cast(value, 'bfloat16') : this.wide(value),
    );
    const signature: Signature = outputs.map(({ shape, type }, i) => ({
      shape,
      type: isTyped(typed.outputs, i, type) ? 'bfloat16' : type,
    }));
    const values = this.graph.add(op, { ...attributes, T: { type: 'bfloat16' } }, inputs, signature);
    return TO_WEIGHTS.has(op) ? values.map(this.wide) : values;
  }

  private narrowing({ op, inputs, outputs }: Call): Typed | undefined {
    const [output] = outputs;
    if (output?.type !== 'float32') return undefined;
    if (op === 'MatMul' || op === 'BatchMatMulV2') {
      const factors = inputs.reduce((product, { shape }) => product * elements(shape), elements(output.shape));
      // Sizes m k, k n and m n: their product is (m k n)^2.
      return factors < SMALL_PRODUCT ** 2 ? undefined : HEAVY[op];
    }
    if (op in HEAVY) return HEAVY[op];
    // Moves nothing and computes nothing: between the convolutions and a dense layer, too.
    if (op === 'Reshape') return inputs[0]?.type === 'bfloat16' ? {} : undefined;
    // Weights of convolutions have four axes, too, but no bfloat16 reaches their optimiser: see TO_WEIGHTS.
    const onActivations = inputs.some(({ type, shape }) => type === 'bfloat16' && shape.length === 4);
    return onActivations ? FOLLOWING[op] : undefined;
  }

  private cast(value: Value, type: 'float32' | 'bfloat16'): Value {
    if (value.type === type) return value;
    const known = this.casts.get(value);
    if (known) return known;
    const attributes = { SrcT: { type: value.type }, DstT: { type }, Truncate: { flag: false } };
    const result = this.graph.single('Cast', attributes, [value], [{ shape: value.shape, type }]);
    this.casts.set(value, result);
    return result;
  }
}
