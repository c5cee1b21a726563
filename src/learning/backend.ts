import { createRequire } from 'node:module';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { learningErrors } from './errors.js';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import type { DeviceInfo } from '../contracts/learner.js';

export type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Scalar } from '@tensorflow/tfjs-node-gpu';

/** TensorFlow's numbers of the types that ops here work on, the same in graphs and at the binding. */
export const DATA_TYPES = { float32: 1, int32: 3, uint8: 4, bool: 10, bfloat16: 14 } as const;
export type DataType = keyof typeof DATA_TYPES;

/** An attribute's value, by the kind that TensorFlow's definition of the op names. */
export type AttributeValue =
  | { type: DataType }
  | { text: string }
  | { int: number | readonly number[] }
  | { float: number | readonly number[] }
  | { flag: boolean }
  | { shape: readonly number[] };

/** An attribute as the binding takes it: `type` is TensorFlow's number of the kind. */
export interface NativeAttribute {
  name: string;
  type: number;
  value: unknown;
}

/** What the binding tells of a tensor it made; `dtype` is TensorFlow's number. */
export interface NativeTensor {
  id: number;
  shape: number[];
  dtype: number;
}

/** The part of tfjs-node's addon that we use. */
export interface Binding {
  TF_Version: string;
  isUsingGpuDevice(): boolean;
  /** The tensor may share the array's memory: don't write to it while the tensor is there. */
  createTensor(shape: readonly number[], type: number, values: ArrayBufferView): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): NativeTensor[];
}

/** The part of tfjs-node's backend that we use: each execute call runs one TensorFlow op. */
export interface NativeBackend {
  binding: Binding;
  tensorMap: { get(dataId: object): { dtype: number; values: ArrayBufferView | null } | undefined };
  executeSingleOutput: (name: string, attributes: NativeAttribute[], inputs: TensorFlow.Tensor[]) => TensorFlow.Tensor;
  executeMultipleOutputs: (
    name: string,
    attributes: NativeAttribute[],
    inputs: TensorFlow.Tensor[],
    count: number,
  ) => TensorFlow.Tensor[];
  createOutputTensor(tensor: NativeTensor): TensorFlow.Tensor;
  getInputTensorIds(tensors: TensorFlow.Tensor[]): number[];
  readSync: (dataId: object) => Float32Array | Int32Array | Uint8Array;
  read: (dataId: object) => Promise<Float32Array | Int32Array | Uint8Array>;
}

/** tfjs on libtensorflow, and the door to TensorFlow's own ops that tfjs has no function for. */
export interface Backend {
  tf: typeof TensorFlow;
  device: DeviceInfo;
  /**
   * Runs one TensorFlow op that has one output; shape and attributes as in TensorFlow's op definitions, all of them that
   * have no default: a graph does not infer them. It has no gradient: wrap it in `tf.customGrad`. tfjs has no uint8: such
   * an output calls itself int32, and only other ops take it.
   */
  op: <T extends TensorFlow.Tensor>(
    name: string,
    attributes: Record<string, AttributeValue>,
    inputs: TensorFlow.Tensor[],
  ) => T;
  /** The same for an op with `count` outputs. */
  ops: (
    name: string,
    attributes: Record<string, AttributeValue>,
    inputs: TensorFlow.Tensor[],
    count: number,
  ) => TensorFlow.Tensor[];
  /** What lies below tfjs; for the graph compiler. */
  native: NativeBackend;
}

const require = createRequire(import.meta.url);
const PACKAGE = '@tensorflow/tfjs-node-gpu';

let loaded: Backend | undefined;

/**
 * Loads libtensorflow into this process, once. The number of threads is fixed by TF_NUM_INTRAOP_THREADS and
 * TF_NUM_INTEROP_THREADS, by default the cores at hand: results are the same bits only for the same number.
 *
 * @throws LEARNER_UNAVAILABLE where the library is missing or broken
 */
export function loadBackend(): Backend {
  return (loaded ??= load());
}

function load(): Backend {
  const threads = (process.env['TF_NUM_INTRAOP_THREADS'] ??= String(os.availableParallelism()));
  process.env['TF_NUM_INTEROP_THREADS'] ??= threads;
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // Node 23 took util.isNullOrUndefined away, which tfjs-node 4.22 calls on every tensor it makes.
  const util = require('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  try {
    const tf = require(PACKAGE) as typeof TensorFlow;
    const native = tf.backend() as unknown as NativeBackend;
    const device = describe(native, Number(threads));
    const op: Backend['op'] = <T extends TensorFlow.Tensor>(
      name: string,
      attributes: Record<string, AttributeValue>,
      inputs: TensorFlow.Tensor[],
    ): T => native.executeSingleOutput(name, nativeAttributes(attributes), inputs) as T;
    const ops: Backend['ops'] = (name, attributes, inputs, count) =>
      native.executeMultipleOutputs(name, nativeAttributes(attributes), inputs, count);
    return { tf, device, op, ops, native };
  } catch (error) {
    throw learningErrors.unavailable(error);
  }
}

/** TensorFlow's numbers of the kinds of attribute. */
const KINDS = { text: 0, int: 1, float: 2, flag: 3, type: 4, shape: 5 } as const;

const nativeAttributes = (attributes: Record<string, AttributeValue>): NativeAttribute[] =>
  Object.entries(attributes).map(([name, attribute]) => {
    const [kind, value] = Object.entries(attribute)[0] as [keyof typeof KINDS, unknown];
    return { name, type: KINDS[kind], value: kind === 'type' ? DATA_TYPES[value as DataType] : value };
  });

/** The other way round, for what tfjs's own kernels pass; undefined for a type or a kind that is not known here. */
export function attributeOf({ type, value }: NativeAttribute): AttributeValue | undefined {
  const kind = Object.entries(KINDS).find(([, number]) => number === type)?.[0];
  if (kind !== 'type') return kind === undefined ? undefined : ({ [kind]: value } as AttributeValue);
  const name = dataTypeOf(value as number);
  return name && { type: name };
}

/** The name of TensorFlow's number, or undefined for a type that is not used here. */
export const dataTypeOf = (number: number): DataType | undefined =>
  (Object.entries(DATA_TYPES) as [DataType, number][]).find(([, value]) => value === number)?.[0];

function describe({ binding }: NativeBackend, threads: number): DeviceInfo {
  const gpu = binding.isUsingGpuDevice();
  const { version } = require(`${PACKAGE}/package.json`) as { version: string };
  return {
    backend: `tfjs-node-gpu ${version}`,
    device: gpu ? 'gpu' : 'cpu',
    name: gpu ? (gpuName() ?? 'GPU') : (os.cpus()[0]?.model.trim() ?? os.arch()),
    libtensorflow: binding.TF_Version,
    threads,
    cuda: gpu ? cudaVersion() : null,
  };
}

/** Name of the first visible GPU, as NVIDIA's driver tells it. */
function gpuName(): string | null {
  const root = '/proc/driver/nvidia/gpus';
  if (!existsSync(root)) return null;
  const visible = Number.parseInt(process.env['CUDA_VISIBLE_DEVICES'] ?? '0', 10) || 0;
  const buses = readdirSync(root).sort();
  const bus = buses[visible] ?? buses[0];
  if (bus === undefined) return null;
  return /^Model:\s*(.+)$/m.exec(readFileSync(path.join(root, bus, 'information'), 'utf8'))?.[1]?.trim() ?? null;
}

/** Version of the CUDA runtime that this process has loaded, from the name of the file behind it. */
function cudaVersion(): string | null {
  if (!existsSync('/proc/self/maps')) return null;
  const file = /\S*libcudart\.so\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
  if (file === undefined || !existsSync(file)) return null;
  return /libcudart\.so\.(.+)$/.exec(realpathSync(file))?.[1] ?? null;
}
