import type { Backend, DataType, Tensor } from '../backend.js';

/** A feed: what varies from run to run. Its shape is fixed; 'uint8' is fed as bytes and read by native ops alone. */
export interface FeedSpec {
  shape: readonly number[];
  dtype: Exclude<DataType, 'bfloat16'>;
}

export type Tensors = Record<string, Tensor>;
/** bool and uint8 are fed as bytes. */
export type FeedValue = Tensor | Float32Array | Int32Array | Uint8Array;
export type Values = Record<string, Float32Array | Int32Array | Uint8Array>;

/**
 * A pure function in plain tfjs and Backend.op: what it gives may depend on nothing but its arguments and on constants.
 * `updates` holds new values of some of the variables, of their shapes.
 *
 * A tensor made from JavaScript values inside of it, or made before and closed over, is a constant of the compiled step.
 * So seeds, learning rates and step counters have to be feeds: as numbers they would stay what they were when the step
 * was compiled. `CompileOptions.verify` finds the ones that change.
 */
export type Step = (variables: Tensors, feeds: Tensors) => { outputs: Tensors; updates?: Tensors };

export interface CompileOptions {
  /** Stands in error messages. */
  name: string;
  /** What the session keeps, float32; `data` is the first value. */
  variables: Record<string, { shape: readonly number[]; data: Float32Array }>;
  feeds: Record<string, FeedSpec>;
  /**
   * 'bfloat16' runs the ops of graph/bfloat16.ts, nearly all of a network's work, in bfloat16; variables, batch-norm
   * statistics, losses and updates stay float32. Default 'float32'. Worth it where the processor multiplies bfloat16.
   */
  precision?: 'float32' | 'bfloat16';
  /** TensorFlow's name of the device for all ops, such as '/device:CPU:0'. By default TensorFlow places them. */
  device?: string;
  /** Feeds of the one eager run in which the step is traced, default 0 everywhere: a traced step has no branches on values. */
  example?: Record<string, FeedValue>;
  /** Traces twice and refuses a step whose constants are not the same in both: a number that should be a feed. Default false. */
  verify?: boolean;
}

/** A step with its variables: compiled into a graph, or run eagerly. */
export interface CompiledStep {
  /** Runs the step once, its updates included. The outputs are fresh tensors, which the caller disposes. */
  run(feeds: Record<string, FeedValue>): Tensors;
  /** Like run, but hands out the outputs' values; no tensor is left. */
  fetch(feeds: Record<string, FeedValue>): Values;
  /** A variable's value, a copy. */
  read(variable: string): Float32Array;
  /** Sets a variable; the values are copied. */
  write(variable: string, values: Float32Array): void;
  readonly graph: GraphSize;
  /** Lets the session, its variables and all that was kept go. */
  dispose(): void;
}

/** What a graph is made of, after what does not lead to an output or an update was left out. */
export interface GraphSize {
  nodes: number;
  /** Number of nodes an op. */
  ops: Record<string, number>;
  /** Bytes of the constants as they are stored; one that holds one value all over counts as that value. */
  constantBytes: number;
}

export type Compiler = (backend: Backend, step: Step, options: CompileOptions) => CompiledStep;
