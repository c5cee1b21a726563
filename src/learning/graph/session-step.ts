import { learningErrors } from '../errors.js';
import { complete } from './endpoints.js';
import { bindArray, checkFeeds, checkVariable, variableIndex } from './inputs.js';
import { sizeOfGraph } from './nodes.js';
import { loadGraph } from './saved-model.js';
import { refuseInTrace } from './trace.js';
import type { Backend, Binding, NativeTensor } from '../backend.js';
import type { Endpoints } from './endpoints.js';
import type { CompiledStep, CompileOptions, FeedValue, GraphSize, Tensors, Values } from './step.js';
import type { Trace } from './trace.js';

/** A traced step in its session. */
export class SessionStep implements CompiledStep {
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
