import { learningErrors } from './errors.js';
import { bindArray, checkFeeds, feedTensors } from './graph/feeds.js';
import { elements, reachable, sizeOfGraph } from './graph/nodes.js';
import { loadGraph } from './graph/saved-model.js';
import { difference, refuseInTrace, trace } from './graph/trace.js';
import type { Backend, Binding, NativeTensor, Tensor } from './backend.js';
import type { Node, Value } from './graph/nodes.js';
import type {
  CompiledStep,
  CompileOptions,
  FeedSpec,
  FeedValue,
  GraphSize,
  Step,
  Tensors,
  Values,
} from './graph/step.js';
import type { Trace } from './graph/trace.js';

export type * from './graph/step.js';

/**
 * Compiles a step into one TensorFlow graph and keeps its variables in a session: a run is one call instead of hundreds,
 * TensorFlow fuses ops, reuses buffers and runs branches side by side. The graph is for these shapes alone.
 *
 * @throws INTERNAL for a step that can't be traced: one that reads a tensor's values, compiles or runs another compiled
 * step, returns what is not a tensor, or (with `verify`) has a constant that changes; SHAPE_MISMATCH for an update or an
 * example that is not what was declared
 */
export function compile(backend: Backend, step: Step, options: CompileOptions): CompiledStep {
  const traced = trace(backend, step, options);
  const differs = options.verify ? difference(traced, trace(backend, step, options)) : undefined;
  if (differs !== undefined) throw learningErrors.traceVaries(options.name, differs);
  return new SessionStep(backend, options, traced);
}

/** The same interface, run op by op: the reference that a compiled step is tested against. */
export function eager(backend: Backend, step: Step, options: CompileOptions): CompiledStep {
  return new EagerStep(backend, options, step);
}

/** What a session is asked for. */
interface Endpoints {
  nodes: Node[];
  /** One a feed, one a variable. */
  feeds: string[];
  writes: string[];
  /** To fetch: all of a step's outputs; the variables' values; that the variables are written. */
  outputs: string[];
  reads: string[];
  written: string;
}

const FLOAT = { type: 'float32' } as const;
const port = ({ node, index }: Value): string => `${node.name}:${index}`;

/** Adds what surrounds the step: updates, and the reading and writing of variables. */
function complete({ graph, variables, feeds, outputs, updates }: Trace): Endpoints {
  const fetch = (value: Value, name: string, controls: Node[] = []) =>
    // An output must not share memory with a feed, which is the caller's array.
    graph.single(sharesFeed(value) ? 'DeepCopy' : 'Identity', { T: { type: value.type } }, [value], [value], {
      name,
      controls,
    });
  const assign = (handle: Value, value: Value, controls: Node[]) =>
    graph.single('AssignVariableOp', { dtype: FLOAT }, [handle, value], [value], { controls }).node;
  // A variable that kept a feed's memory would let JavaScript's array go in one of TensorFlow's threads, where it may not.
  const owned = (value: Value) =>
    sharesFeed(value) ? graph.single('DeepCopy', { T: FLOAT }, [value], [value]) : value;
  const assigned = Object.entries(updates).map(([name, value]) => {
    const { handle, read } = variables[name] as Trace['variables'][string];
    return assign(handle, owned(value), [read.node]);
  });
  const done = graph.integers([0]);
  // Everything asked for in one run is run whole, so one output that waits for the updates is enough.
  const results = Object.values(outputs).map((value, i) => fetch(value, `output_${i}`, i === 0 ? assigned : []));
  if (results.length === 0) results.push(fetch(done, 'updated', assigned));
  const writes = Object.values(variables).map(({ handle, read: { shape } }, i) => {
    const value = graph.single('Placeholder', { dtype: FLOAT, shape: { shape } }, [], [{ shape, type: 'float32' }], {
      name: `value_${i}`,
    });
    return { value, assigned: assign(handle, owned(value), []) };
  });
  const written = fetch(
    done,
    'written',
    writes.map((write) => write.assigned),
  );
  const reads = Object.values(variables).map(({ read }) => read);
  const inputs = [...Object.values(feeds), ...writes.map((write) => write.value)];
  return {
    nodes: reachable([...results, ...reads, ...inputs, written].map(({ node }) => node)),
    feeds: Object.values(feeds).map(port),
    writes: writes.map(({ value }) => port(value)),
    outputs: results.map(port),
    reads: reads.map(port),
    written: port(written),
  };
}

/** Ops whose output may be their input's memory. */
const VIEWS = new Set(
  'Identity Reshape ExpandDims Squeeze Bitcast Cast Slice StridedSlice Split SplitV Unpack Tile BroadcastTo PadV2 ConcatV2 Transpose Sum Mean Max Min Snapshot'.split(
    ' ',
  ),
);

function sharesFeed({ node }: Value): boolean {
  return node.op === 'Placeholder' || (VIEWS.has(node.op) && node.inputs.some(sharesFeed));
}

class SessionStep implements CompiledStep {
  readonly graph: GraphSize;
  private readonly binding: Binding;
  private readonly ends: Endpoints;
  private readonly outputNames: string[];
  private readonly session: number;
  /** Values that the session gets before it runs next, by variable. */
  private readonly pending = new Map<string, number>();
  /** The variables' values since the last run, in their order; read together, since each set of fetches costs an own optimised graph. */
  private current: NativeTensor[] = [];
  private disposed = false;

  constructor(
    private readonly backend: Backend,
    private readonly options: CompileOptions,
    traced: Trace,
  ) {
    this.binding = backend.native.binding;
    this.ends = complete(traced);
    this.outputNames = Object.keys(traced.outputs);
    this.graph = sizeOfGraph(this.ends.nodes);
    try {
      this.session = loadGraph(this.binding, this.ends.nodes, options.device);
    } catch (error) {
      throw learningErrors.graphRefused(options.name, error);
    }
    for (const [name, { data }] of Object.entries(options.variables)) this.write(name, data);
  }

  run(feeds: Record<string, FeedValue>): Tensors {
    const outputs = this.execute(feeds);
    return Object.fromEntries(
      this.outputNames.map((name, i) => [name, this.backend.native.createOutputTensor(outputs[i] as NativeTensor)]),
    );
  }

  fetch(feeds: Record<string, FeedValue>): Values {
    const outputs = this.execute(feeds);
    const values = this.outputNames.map((name, i) => [
      name,
      this.binding.tensorDataSync((outputs[i] as NativeTensor).id),
    ]);
    this.release(outputs);
    return Object.fromEntries(values) as Values;
  }

  read(variable: string): Float32Array {
    this.ready('reads');
    const index = variableIndex(this.options, variable);
    this.flush();
    return this.binding.tensorDataSync((this.values()[index] as NativeTensor).id) as Float32Array;
  }

  write(variable: string, values: Float32Array): void {
    this.ready('writes');
    const { shape } = checkVariable(this.options, variable, values);
    const old = this.pending.get(variable);
    if (old !== undefined) this.binding.deleteTensor(old);
    this.pending.set(variable, bindArray(this.backend, { shape, dtype: 'float32' }, values.slice()));
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const id of this.pending.values()) this.binding.deleteTensor(id);
    this.release(this.current);
    this.binding.deleteSavedModel(this.session);
  }

  private execute(feeds: Record<string, FeedValue>): NativeTensor[] {
    this.ready('runs');
    checkFeeds(this.options, feeds);
    this.flush();
    this.release(this.current.splice(0));
    const made: number[] = [];
    try {
      const ids = Object.entries(this.options.feeds).map(([name, spec]) => {
        const value = feeds[name] as FeedValue;
        if (!ArrayBuffer.isView(value)) return this.backend.native.getInputTensorIds([value])[0] as number;
        const id = bindArray(this.backend, spec, value);
        made.push(id);
        return id;
      });
      const outputs = this.call(ids, this.ends.feeds, this.ends.outputs);
      if (this.outputNames.length > 0) return outputs;
      this.release(outputs);
      return [];
    } finally {
      for (const id of made) this.binding.deleteTensor(id);
    }
  }

  /** Hands over what was written. All variables at once, for the reason of `current`. */
  private flush(): void {
    const { pending, ends, options } = this;
    if (pending.size === 0) return;
    const names = Object.keys(options.variables);
    const kept = pending.size === names.length ? [] : this.values();
    const ids = names.map((name, i) => pending.get(name) ?? (kept[i] as NativeTensor).id);
    this.release(this.call(ids, ends.writes, [ends.written]));
    for (const id of pending.values()) this.binding.deleteTensor(id);
    pending.clear();
    this.release(this.current.splice(0));
  }

  private values(): NativeTensor[] {
    if (this.current.length === 0) this.current = this.call([], [], this.ends.reads);
    return this.current;
  }

  private call(ids: number[], inputs: string[], outputs: string[]): NativeTensor[] {
    return this.binding.runSavedModel(this.session, ids, inputs.join(), outputs.join());
  }

  private release(tensors: NativeTensor[]): void {
    for (const { id } of tensors) this.binding.deleteTensor(id);
  }

  private ready(what: string): void {
    refuseInTrace(`${what} '${this.options.name}'`);
    if (this.disposed) throw learningErrors.stepDisposed(this.options.name);
  }
}

class EagerStep implements CompiledStep {
  readonly graph: GraphSize = { nodes: 0, ops: {}, constantBytes: 0 };
  private readonly variables: Tensors = {};
  private disposed = false;

  constructor(
    private readonly backend: Backend,
    private readonly options: CompileOptions,
    private readonly step: Step,
  ) {
    for (const [name, { data }] of Object.entries(options.variables)) this.write(name, data);
  }

  run(feeds: Record<string, FeedValue>): Tensors {
    this.ready();
    const { tf } = this.backend;
    const { outputs, updates } = tf.tidy(() => {
      const result = this.step({ ...this.variables }, feedTensors(this.backend, this.options, feeds, 'error'));
      const fresh = (tensors: Tensors) =>
        Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tf.clone(tensor)]));
      return { outputs: fresh(result.outputs), updates: fresh(result.updates ?? {}) };
    });
    for (const [name, tensor] of Object.entries(updates)) this.replace(name, tensor);
    return outputs;
  }

  fetch(feeds: Record<string, FeedValue>): Values {
    const outputs = this.run(feeds);
    const values = Object.entries(outputs).map(([name, tensor]) => [name, tensor.dataSync().slice()]);
    this.backend.tf.dispose(outputs);
    return Object.fromEntries(values) as Values;
  }

  read(variable: string): Float32Array {
    this.ready();
    variableIndex(this.options, variable);
    return (this.variables[variable] as Tensor).dataSync().slice() as Float32Array;
  }

  write(variable: string, values: Float32Array): void {
    this.ready();
    const { shape } = checkVariable(this.options, variable, values);
    this.replace(variable, this.backend.tf.tensor(values.slice(), [...shape]));
  }

  dispose(): void {
    this.disposed = true;
    this.backend.tf.dispose(this.variables);
  }

  private replace(name: string, tensor: Tensor): void {
    variableIndex(this.options, name);
    this.variables[name]?.dispose();
    this.variables[name] = this.backend.tf.keep(tensor);
  }

  private ready(): void {
    if (this.disposed) throw learningErrors.stepDisposed(this.options.name);
  }
}

function variableIndex({ name: step, variables }: CompileOptions, variable: string): number {
  const names = Object.keys(variables);
  const index = names.indexOf(variable);
  if (index < 0) throw learningErrors.unknownName(step, 'variable', variable, names);
  return index;
}

function checkVariable(options: CompileOptions, variable: string, values: Float32Array): Pick<FeedSpec, 'shape'> {
  variableIndex(options, variable);
  const { shape } = options.variables[variable] as { shape: readonly number[] };
  const expected = `float32 [${shape.join(', ')}]`;
  if (values.length !== elements(shape))
    throw learningErrors.valueMismatch(options.name, `variable '${variable}'`, `${values.length} values`, expected);
  return { shape };
}
