import { reachable } from './nodes.js';
import type { Node, Value } from './nodes.js';
import type { Trace } from './trace.js';

/** What a session is asked for. */
export interface Endpoints {
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
export function complete({ graph, variables, feeds, outputs, updates }: Trace): Endpoints {
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
