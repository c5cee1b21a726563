import { createHash } from 'node:crypto';
import type { AttributeValue, DataType } from '../backend.js';
import type { GraphSize } from './step.js';

/** One output of a node. */
export interface Value {
  readonly node: Node;
  readonly index: number;
  readonly shape: readonly number[];
  readonly type: DataType;
}

/** The contents of a constant; one element stands for all where they are the same. */
export interface Literal {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly splat: boolean;
  /** Of type, shape and contents. */
  readonly digest: string;
}

export type NodeAttribute = AttributeValue | { literal: Literal };

/** An op of the graph: TensorFlow's NodeDef. */
export interface Node {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Value[];
  /** What has to have run before, though nothing flows from there. */
  readonly controls: readonly Node[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((side, i) => side === b[i]);

/** The type that the step sees: narrowed values (graph/bfloat16.ts) are float32 to it. */
export const seenType = ({ type }: Value): DataType => (type === 'bfloat16' ? 'float32' : type);

/** What an op gives: one entry an output. */
export type Signature = readonly { shape: readonly number[]; type: DataType }[];

/** A graph under construction. */
export class Graph {
  private count = 0;
  private readonly constants = new Map<string, Value>();

  /** Adds an op and returns its outputs. */
  add(
    op: string,
    attributes: Record<string, NodeAttribute>,
    inputs: readonly Value[],
    outputs: Signature,
    { name, controls = [] }: { name?: string; controls?: readonly Node[] } = {},
  ): Value[] {
    const node: Node = { name: name ?? `${op}_${this.count++}`, op, inputs, controls, attributes };
    return outputs.map(({ shape, type }, index) => ({ node, index, shape, type }));
  }

  /** Adds an op that has one output. */
  single(...args: Parameters<Graph['add']>): Value {
    return this.add(...args)[0] as Value;
  }

  /** A constant, once for all that have these contents; `bytes` are copied. */
  constant(type: DataType, shape: readonly number[], bytes: Uint8Array): Value {
    const digest = createHash('sha256').update(`${type} ${shape.join()} `).update(bytes).digest('base64');
    const known = this.constants.get(digest);
    if (known) return known;
    const literal = { type, shape, digest, ...compact(bytes, bytes.length / elements(shape)) };
    const value = this.single('Const', { dtype: { type }, value: { literal } }, [], [{ shape, type }]);
    this.constants.set(digest, value);
    return value;
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.constant('int32', shape, new Uint8Array(Int32Array.from(values).buffer));
  }
}

/** One element instead of all, where they are the same bits: tfjs fills large arrays with 0 and 1 in JavaScript. */
function compact(bytes: Uint8Array, width: number): Pick<Literal, 'bytes' | 'splat'> {
  const splat = bytes.length > width && bytes.every((byte, i) => i < width || byte === bytes[i - width]);
  return { bytes: bytes.slice(0, splat ? width : undefined), splat };
}

/** The one value of a constant that holds nothing else, as a scalar; undefined for all else. */
export function uniformOf(graph: Graph, { node, type, shape }: Value): Value | undefined {
  const attribute = node.op === 'Const' ? node.attributes['value'] : undefined;
  if (attribute === undefined || !('literal' in attribute)) return undefined;
  const { bytes, splat } = attribute.literal;
  return splat || elements(shape) === 1 ? graph.constant(type, [], bytes) : undefined;
}

/** The nodes that lead to any of `ends`, inputs before what reads them. */
export function reachable(ends: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; entered: boolean }[] = [...ends].reverse().map((node) => ({ node, entered: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, entered } = top;
    if (entered) order.push(node);
    if (entered || seen.has(node)) continue;
    seen.add(node);
    stack.push({ node, entered: true });
    for (const before of [...node.inputs.map((input) => input.node), ...node.controls])
      if (!seen.has(before)) stack.push({ node: before, entered: false });
  }
  return order;
}

export function sizeOfGraph(nodes: readonly Node[]): GraphSize {
  const ops: Record<string, number> = {};
  let constantBytes = 0;
  for (const { op, attributes } of nodes) {
    ops[op] = (ops[op] ?? 0) + 1;
    const value = attributes['value'];
    if (value && 'literal' in value) constantBytes += value.literal.bytes.length;
  }
  return { nodes: nodes.length, ops, constantBytes };
}
