import { attributeOf, dataTypeOf } from '../backend.js';
import { learningErrors } from '../errors.js';
import { Precision } from './bfloat16.js';
import { feedTensors } from './inputs.js';
import { Graph, sameShape } from './nodes.js';
import { reshape, simplify } from './simplify.js';
import type { AttributeValue, Backend, DataType, NativeAttribute, NativeBackend, Tensor } from '../backend.js';
import type { Value } from './nodes.js';
import type { Call } from './simplify.js';
import type { CompileOptions, Step, Tensors } from './step.js';

/** A step as a graph, and where things go in and come out. */
export interface Trace {
  graph: Graph;
  variables: Record<string, { handle: Value; read: Value }>;
  feeds: Record<string, Value>;
  outputs: Record<string, Value>;
  updates: Record<string, Value>;
  /** Every op that ran, in order, with the constants that it read, and the results: two traces of a proper step are equal. */
  journal: Entry[];
}

interface Entry {
  what: string;
  reads: string;
}

let tracing: string | undefined;

/** @throws INTERNAL in a step that is being traced: what `what` does can't become a part of its graph */
export function refuseInTrace(what: string): void {
  if (tracing !== undefined) throw learningErrors.nestedTrace(tracing, what);
}

/**
 * Runs a step once, eagerly, and writes down every op that it runs, those of its gradients included: tfjs-node sends all
 * of them through two functions of its backend.
 */
export function trace(backend: Backend, step: Step, options: CompileOptions): Trace {
  refuseInTrace(`compiles '${options.name}'`);
  const { tf } = backend;
  tracing = options.name;
  tf.engine().startScope();
  try {
    return new Recording(backend, options).run(step);
  } finally {
    tf.engine().endScope();
    tracing = undefined;
  }
}

class Recording {
  private readonly graph = new Graph();
  private readonly precision: Precision;
  /** By tfjs's data id, an object: as a key it is held, so no later tensor can be taken for an earlier one. */
  private readonly values = new Map<object, Value>();
  private readonly journal: Entry[] = [];
  private readonly native: NativeBackend;
  private readonly readSync: NativeBackend['readSync'];

  constructor(
    private readonly backend: Backend,
    private readonly options: CompileOptions,
  ) {
    this.native = backend.native;
    this.readSync = backend.native.readSync;
    this.precision = new Precision(this.graph, options.precision ?? 'float32');
  }

  /** Called in a tidy scope; leaves no tensor and the backend as it was. */
  run(step: Step): Trace {
    const { backend, options, graph } = this;
    const variableTensors: Tensors = {};
    const variables: Trace['variables'] = {};
    for (const [index, [name, { shape, data }]] of Object.entries(options.variables).entries()) {
      variables[name] = this.variable(`variable_${index}`, shape);
      variableTensors[name] = backend.tf.tensor(data.slice(), [...shape]);
      this.values.set(variableTensors[name].dataId, variables[name].read);
    }
    const feedTensor = feedTensors(backend, options, options.example ?? {}, 'zeros');
    const feeds: Trace['feeds'] = {};
    for (const [index, [name, { shape, dtype: type }]] of Object.entries(options.feeds).entries()) {
      feeds[name] = graph.single('Placeholder', { dtype: { type }, shape: { shape } }, [], [{ shape, type }], {
        name: `feed_${index}`,
      });
      this.values.set((feedTensor[name] as Tensor).dataId, feeds[name]);
    }
    const result = this.hooked(() => step({ ...variableTensors }, { ...feedTensor }));
    return {
      graph,
      variables,
      feeds,
      outputs: this.results('output', result.outputs),
      updates: this.checkedUpdates(result.updates ?? {}),
      journal: this.journal,
    };
  }

  private variable(name: string, shape: readonly number[]): { handle: Value; read: Value } {
    const dtype = { type: 'float32' } as const;
    const attributes = { dtype, shape: { shape }, shared_name: { text: name }, container: { text: '' } };
    // The handle's type is a resource, which nothing but the ops here ever asks for.
    const handle = this.graph.single('VarHandleOp', attributes, [], [{ shape: [], type: 'int32' }], { name });
    const read = this.graph.single('ReadVariableOp', { dtype }, [handle], [{ shape, type: 'float32' }]);
    return { handle, read };
  }

  private hooked<T>(body: () => T): T {
    const { native } = this;
    const { executeSingleOutput, executeMultipleOutputs, readSync, read } = native;
    const refuse = (dataId: object): void => {
      const node = this.values.get(dataId)?.node;
      if (node !== undefined && node.op !== 'Const') throw learningErrors.traceReads(this.options.name);
    };
    native.executeSingleOutput = (name, attributes, inputs) =>
      this.record(name, attributes, inputs, () => [
        executeSingleOutput.call(native, name, attributes, inputs),
      ])[0] as Tensor;
    native.executeMultipleOutputs = (name, attributes, inputs, count) =>
      this.record(name, attributes, inputs, () => executeMultipleOutputs.call(native, name, attributes, inputs, count));
    native.readSync = (dataId) => {
      refuse(dataId);
      return readSync.call(native, dataId);
    };
    native.read = async (dataId) => {
      refuse(dataId);
      return read.call(native, dataId);
    };
    try {
      return body();
    } finally {
      Object.assign(native, { executeSingleOutput, executeMultipleOutputs, readSync, read });
    }
  }

  private record(op: string, attributes: NativeAttribute[], inputs: Tensor[], execute: () => Tensor[]): Tensor[] {
    // Before the op runs: after it, tfjs has handed a constant's values over to TensorFlow.
    const values = inputs.map((input) => this.valueOf(input, `an input of ${op}`));
    const outputs = execute();
    const signature = outputs.map((output) => ({
      shape: output.shape,
      type: this.typeOf(output, `an output of ${op}`),
    }));
    const call = simplify(this.graph, {
      op,
      attributes: this.attributes(op, attributes),
      inputs: values,
      outputs: signature,
    });
    const results = this.add(call);
    outputs.forEach((output, i) => this.values.set(output.dataId, results[i] as Value));
    const reads = [JSON.stringify(attributes), ...values.map(describe)].join(' ');
    this.journal.push({ what: `op ${this.journal.length + 1}, ${op}`, reads });
    return outputs;
  }

  private add(call: Value | Call): Value[] {
    return 'node' in call ? [call] : this.precision.add(call);
  }

  private attributes(op: string, attributes: NativeAttribute[]): Record<string, AttributeValue> {
    return Object.fromEntries(
      attributes.map((attribute) => {
        const value = attributeOf(attribute);
        if (value === undefined)
          throw learningErrors.traceType(this.options.name, `attribute ${attribute.name} of ${op}`);
        return [attribute.name, value];
      }),
    );
  }

  /** What a tensor is in the graph: known, or else a constant. */
  private valueOf(tensor: Tensor, what: string): Value {
    const known = this.values.get(tensor.dataId) ?? this.constant(tensor, what);
    if (sameShape(known.shape, tensor.shape)) return known;
    // tfjs lets tensors of several shapes share their data.
    return this.add(reshape(this.graph, known, tensor.shape))[0] as Value;
  }

  private constant(tensor: Tensor, what: string): Value {
    const { dataId, shape } = tensor;
    const type = this.typeOf(tensor, what);
    const data = this.native.tensorMap.get(dataId)?.values ?? this.readSync.call(this.native, dataId);
    const value = this.graph.constant(type, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.values.set(dataId, value);
    return value;
  }

  /** TensorFlow's type; tfjs calls a uint8 int32. */
  private typeOf(tensor: Tensor, what: string): DataType {
    const type = dataTypeOf(this.native.tensorMap.get(tensor.dataId)?.dtype ?? 0);
    if (type === undefined) throw learningErrors.traceType(this.options.name, what);
    return type;
  }

  private results(kind: string, tensors: Tensors): Record<string, Value> {
    const { name: step } = this.options;
    return Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        if (!(tensor instanceof this.backend.tf.Tensor))
          throw learningErrors.notATensor(step, kind, name, 'not a tensor');
        if (tensor.isDisposed) throw learningErrors.notATensor(step, kind, name, 'a disposed tensor');
        const value = this.precision.wide(this.valueOf(tensor, `${kind} '${name}'`));
        this.journal.push({ what: `${kind} '${name}'`, reads: describe(value) });
        return [name, value];
      }),
    );
  }

  private checkedUpdates(tensors: Tensors): Record<string, Value> {
    const { name: step, variables } = this.options;
    const updates = this.results('update', tensors);
    for (const [name, { shape, type }] of Object.entries(updates)) {
      const variable = variables[name];
      if (variable === undefined) throw learningErrors.unknownName(step, 'variable', name, Object.keys(variables));
      if (type !== 'float32' || !sameShape(shape, variable.shape))
        throw learningErrors.valueMismatch(
          step,
          `update '${name}'`,
          `${type} ${show(shape)}`,
          `float32 ${show(variable.shape)}`,
        );
    }
    return updates;
  }
}

const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** A value in the journal: a constant by its contents, all else by its place in the graph. */
const describe = ({ node, index }: Value): string => {
  const value = node.attributes['value'];
  return value && 'literal' in value ? value.literal.digest : `${node.name}:${index}`;
};

/** What comes first in which two traces of a step differ, or undefined. */
export function difference({ journal: a }: Trace, { journal: b }: Trace): string | undefined {
  const [longer, shorter] = a.length < b.length ? [b, a] : [a, b];
  return longer.find(({ what, reads }, i) => what !== shorter[i]?.what || reads !== shorter[i].reads)?.what;
}
