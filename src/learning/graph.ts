import { learningErrors } from './errors.js';
import { EagerStep } from './graph/eager-step.js';
import { SessionStep } from './graph/session-step.js';
import { difference, trace } from './graph/trace.js';
import type { Backend } from './backend.js';
import type { CompiledStep, CompileOptions, Step } from './graph/step.js';

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
