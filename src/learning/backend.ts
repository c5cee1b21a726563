import { createRequire } from 'node:module';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { learningErrors } from './errors.js';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import type { DeviceInfo } from '../contracts/learner.js';

export type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Scalar } from '@tensorflow/tfjs-node-gpu';

type Attribute = { name: string; type: number; value: string | number | boolean | number[] };

/** An attribute's value, by the kind that TensorFlow's definition of the op names. */
export type AttributeValue =
  { type: 'float32' | 'int32' } | { text: string } | { int: number | number[] } | { float: number } | { flag: boolean };

/** The part of tfjs-node's backend that we use: each call runs one TensorFlow op. */
interface NativeBackend {
  binding: Record<string, number> & { TF_Version: string; isUsingGpuDevice(): boolean };
  executeSingleOutput(name: string, attributes: Attribute[], inputs: TensorFlow.Tensor[]): TensorFlow.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: Attribute[],
    inputs: TensorFlow.Tensor[],
    count: number,
  ): TensorFlow.Tensor[];
}

/** tfjs on libtensorflow, and the door to TensorFlow's own ops that tfjs has no function for. */
export interface Backend {
  tf: typeof TensorFlow;
  device: DeviceInfo;
  /**
   * Runs one TensorFlow op that has one output; shape and attributes as in TensorFlow's op definitions. It has no
   * gradient: wrap it in `tf.customGrad`.
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
    return { tf, device, ...opsOf(native) };
  } catch (error) {
    throw learningErrors.unavailable(error);
  }
}

function opsOf(native: NativeBackend): Pick<Backend, 'op' | 'ops'> {
  const { binding } = native;
  const kind = (name: string): number => binding[name] as number;
  const attribute = (name: string, value: AttributeValue): Attribute => {
    if ('type' in value)
      return { name, type: kind('TF_ATTR_TYPE'), value: kind(value.type === 'float32' ? 'TF_FLOAT' : 'TF_INT32') };
    if ('text' in value) return { name, type: kind('TF_ATTR_STRING'), value: value.text };
    if ('int' in value) return { name, type: kind('TF_ATTR_INT'), value: value.int };
    if ('float' in value) return { name, type: kind('TF_ATTR_FLOAT'), value: value.float };
    return { name, type: kind('TF_ATTR_BOOL'), value: value.flag };
  };
  const list = (attributes: Record<string, AttributeValue>) =>
    Object.entries(attributes).map(([key, value]) => attribute(key, value));
  return {
    op: <T extends TensorFlow.Tensor>(
      name: string,
      attributes: Record<string, AttributeValue>,
      inputs: TensorFlow.Tensor[],
    ): T => native.executeSingleOutput(name, list(attributes), inputs) as T,
    ops: (name, attributes, inputs, count) => native.executeMultipleOutputs(name, list(attributes), inputs, count),
  };
}

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
