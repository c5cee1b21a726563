import { DATA_TYPES } from '../backend.js';
import { learningErrors } from '../errors.js';
import { elements, sameShape } from './nodes.js';
import type { Backend, Tensor } from '../backend.js';
import type { CompileOptions, FeedSpec, FeedValue, Tensors } from './step.js';

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array, uint8: Uint8Array } as const;

type Checked = Pick<CompileOptions, 'name' | 'feeds'>;

/** @throws SHAPE_MISMATCH where a feed is missing, unknown, or not what was declared */
export function checkFeeds({ name: step, feeds: specs }: Checked, feeds: Record<string, FeedValue>): void {
  for (const name of Object.keys(feeds))
    if (!(name in specs)) throw learningErrors.unknownName(step, 'feed', name, Object.keys(specs));
  for (const [name, spec] of Object.entries(specs)) {
    const value = feeds[name];
    const expected = `${spec.dtype} [${spec.shape.join(', ')}]`;
    if (value === undefined) throw learningErrors.valueMismatch(step, `feed '${name}'`, 'nothing', expected);
    const got = mismatch(value, spec);
    if (got !== undefined) throw learningErrors.valueMismatch(step, `feed '${name}'`, got, expected);
  }
}

function mismatch(value: FeedValue, { shape, dtype }: FeedSpec): string | undefined {
  if (!ArrayBuffer.isView(value)) {
    // tfjs has no uint8 and calls such a tensor int32.
    const type = dtype === 'uint8' ? 'int32' : dtype;
    return sameShape(value.shape, shape) && value.dtype === type
      ? undefined
      : `${value.dtype} [${value.shape.join(', ')}]`;
  }
  const fits = value instanceof ARRAYS[dtype] && value.length === elements(shape);
  return fits ? undefined : `${value.constructor.name} of ${value.length}`;
}

/** Makes a binding's tensor of an array, which must not change until it is deleted. */
export const bindArray = ({ native }: Backend, { shape, dtype }: FeedSpec, array: ArrayBufferView): number =>
  native.binding.createTensor(shape, DATA_TYPES[dtype], array);

/** Feeds as tensors that the caller, or the scope, disposes. `missing`: whether what is not given is 0 or an error. */
export function feedTensors(
  backend: Backend,
  options: Checked,
  given: Record<string, FeedValue>,
  missing: 'zeros' | 'error',
): Tensors {
  const zeros = ({ dtype, shape }: FeedSpec) => new ARRAYS[dtype](elements(shape));
  const all: Record<string, FeedValue> = { ...given };
  if (missing === 'zeros') for (const [name, spec] of Object.entries(options.feeds)) all[name] ??= zeros(spec);
  checkFeeds(options, all);
  return Object.fromEntries(
    Object.entries(options.feeds).map(([name, spec]): [string, Tensor] => {
      const value = all[name] as FeedValue;
      if (!ArrayBuffer.isView(value)) return [name, backend.tf.clone(value)];
      const tensor = {
        id: bindArray(backend, spec, value.slice()),
        shape: [...spec.shape],
        dtype: DATA_TYPES[spec.dtype],
      };
      return [name, backend.native.createOutputTensor(tensor)];
    }),
  );
}

/** @throws INTERNAL for a name that was not declared */
export function variableIndex({ name: step, variables }: CompileOptions, variable: string): number {
  const names = Object.keys(variables);
  const index = names.indexOf(variable);
  if (index < 0) throw learningErrors.unknownName(step, 'variable', variable, names);
  return index;
}

/** @throws INTERNAL, SHAPE_MISMATCH for what does not fit the variable */
export function checkVariable(
  options: CompileOptions,
  variable: string,
  values: Float32Array,
): Pick<FeedSpec, 'shape'> {
  variableIndex(options, variable);
  const { shape } = options.variables[variable] as { shape: readonly number[] };
  const expected = `float32 [${shape.join(', ')}]`;
  if (values.length !== elements(shape))
    throw learningErrors.valueMismatch(options.name, `variable '${variable}'`, `${values.length} values`, expected);
  return { shape };
}
