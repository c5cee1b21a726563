import { learningErrors } from '../errors.js';
import { checkVariable, feedTensors, variableIndex } from './inputs.js';
import type { Backend, Tensor } from '../backend.js';
import type { CompiledStep, CompileOptions, FeedValue, GraphSize, Step, Tensors, Values } from './step.js';

/** A step that runs op by op, with its variables. */
export class EagerStep implements CompiledStep {
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
