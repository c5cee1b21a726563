import { elements, sameShape, seenType, uniformOf } from './nodes.js';
import type { Graph, NodeAttribute, Signature, Value } from './nodes.js';

/** An op before it becomes a node. */
export interface Call {
  op: string;
  attributes: Record<string, NodeAttribute>;
  inputs: readonly Value[];
  outputs: Signature;
}

/** Ops that give their first input back where the shape stays: they only move elements, in order. */
const MOVES = new Set(['Reshape', 'ExpandDims', 'Squeeze', 'Tile', 'BroadcastTo', 'Slice', 'Identity', 'Snapshot']);

/** Binary ops that broadcast. */
const BROADCASTS = new Set(
  (
    'Add AddV2 Sub Mul Div RealDiv DivNoNan FloorDiv FloorMod Pow Maximum Minimum SquaredDifference ' +
    'Greater GreaterEqual Less LessEqual Equal NotEqual'
  ).split(' '),
);

/**
 * Writes an op in a cheaper way that gives the same bits, or returns the value that the op would only repeat. What tfjs
 * does in JavaScript is the matter here, above all tensors full of ones that it multiplies by; Grappler, TensorFlow's own
 * optimiser, does the rest when the session first runs.
 */
export function simplify(graph: Graph, call: Call): Value | Call {
  const { op, inputs, outputs } = call;
  const [first, second] = inputs;
  const [output] = outputs;
  if (first === undefined || output === undefined) return call;
  const repeats = sameShape(first.shape, output.shape) && seenType(first) === output.type;
  if (repeats && (MOVES.has(op) || op === 'Cast')) return first;
  if (op === 'Reshape' || op === 'ExpandDims') return reshape(graph, first, output.shape);
  if (BROADCASTS.has(op) && second !== undefined) return simplifyBinary(graph, call, first, second);
  if (op === 'Select') return simplifySelect(graph, call);
  return call;
}

/** A reshape of a reshape is one; tfjs gives ExpandDims no type, which a graph does not infer. */
export function reshape(graph: Graph, value: Value, shape: readonly number[]): Value | Call {
  const source = value.node.op === 'Reshape' ? (value.node.inputs[0] as Value) : value;
  if (sameShape(source.shape, shape)) return source;
  return {
    op: 'Reshape',
    attributes: { T: { type: seenType(value) }, Tshape: { type: 'int32' } },
    inputs: [source, graph.integers(shape)],
    outputs: [{ shape, type: seenType(value) }],
  };
}

function simplifyBinary(graph: Graph, call: Call, a: Value, b: Value): Value | Call {
  const { shape } = call.outputs[0] as Signature[number];
  if (call.op === 'Mul')
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      if (isOne(graph, one)) {
        if (sameShape(other.shape, shape)) return other;
        // A scalar times ones is how tfjs spreads the gradient of a sum.
        return {
          op: 'BroadcastTo',
          attributes: { T: { type: seenType(other) }, Tidx: { type: 'int32' } },
          inputs: [other, graph.integers(shape)],
          outputs: call.outputs,
        };
      }
  const narrowed = (value: Value, other: Value): Value =>
    elements(value.shape) > 1 && sameShape(other.shape, shape) ? (uniformOf(graph, value) ?? value) : value;
  const left = narrowed(a, b);
  return { ...call, inputs: [left, left === a ? narrowed(b, a) : b] };
}

/** tfjs's Select wants three tensors of one shape; SelectV2 broadcasts. */
function simplifySelect(graph: Graph, call: Call): Call {
  const [condition, ...branches] = call.inputs as [Value, Value, Value];
  const shape = (call.outputs[0] as Signature[number]).shape;
  if (!sameShape(condition.shape, shape)) return call;
  return {
    ...call,
    op: 'SelectV2',
    inputs: [condition, ...branches.map((branch) => uniformOf(graph, branch) ?? branch)],
  };
}

const isOne = (graph: Graph, value: Value): boolean => {
  const one = value.type === 'float32' ? Float32Array.of(1) : value.type === 'int32' ? Int32Array.of(1) : undefined;
  return (
    one !== undefined &&
    uniformOf(graph, value)?.node === graph.constant(value.type, [], new Uint8Array(one.buffer)).node
  );
};
