import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DATA_TYPES } from '../backend.js';
import type { Binding, DataType } from '../backend.js';
import type { Literal, Node, NodeAttribute } from './nodes.js';

/** The version of graphs that TensorFlow 2.12 writes; all later ones read it. */
const PRODUCER = 1286;
const TAG = 'serve';

/**
 * Loads a graph as a session. TensorFlow's C interface takes graphs from a SavedModel's directory alone, so one is
 * written, and removed at once.
 *
 * @returns the binding's number of the session
 */
export function loadGraph(binding: Binding, nodes: readonly Node[], device: string | undefined): number {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'labelloop-graph-'));
  try {
    writeFileSync(path.join(directory, 'saved_model.pb'), encodeSavedModel(nodes, device));
    return binding.loadSavedModel(directory, TAG);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A message of protocol buffers; field numbers are those of TensorFlow's .proto files, named at each use. */
class Message {
  private readonly parts: Uint8Array[] = [];

  int(field: number, value: number): this {
    this.parts.push(varint(field << 3), varint(value));
    return this;
  }

  float(field: number, value: number): this {
    this.parts.push(varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  bytes(field: number, value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.parts.push(varint((field << 3) | 2), varint(bytes.length), bytes);
    return this;
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encode());
  }

  encode(): Buffer {
    return Buffer.concat(this.parts);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // A negative number takes the 64 bits of its two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** SavedModel { saved_model_schema_version 1, meta_graphs 2 { meta_info_def 1 { tags 4 }, graph_def 2 } } */
function encodeSavedModel(nodes: readonly Node[], device: string | undefined): Buffer {
  // GraphDef { node 1, versions 4 { producer 1 } }
  const graph = new Message();
  for (const node of nodes) graph.message(1, nodeDef(node, device));
  graph.message(4, new Message().int(1, PRODUCER));
  const metaGraph = new Message().message(1, new Message().bytes(4, TAG)).message(2, graph);
  return new Message().int(1, 1).message(2, metaGraph).encode();
}

/** NodeDef { name 1, op 2, input 3, device 4, attr 5 { key 1, value 2 } } */
function nodeDef({ name, op, inputs, controls, attributes }: Node, device: string | undefined): Message {
  const message = new Message().bytes(1, name).bytes(2, op);
  for (const { node, index } of inputs) message.bytes(3, index === 0 ? node.name : `${node.name}:${index}`);
  for (const control of controls) message.bytes(3, `^${control.name}`);
  if (device !== undefined) message.bytes(4, device);
  for (const [key, value] of Object.entries(attributes))
    message.message(5, new Message().bytes(1, key).message(2, attrValue(value)));
  return message;
}

/** AttrValue { list 1 { i 3, f 4 }, s 2, i 3, f 4, b 5, type 6, shape 7, tensor 8 } */
function attrValue(attribute: NodeAttribute): Message {
  const message = new Message();
  if ('literal' in attribute) return message.message(8, tensorProto(attribute.literal));
  if ('text' in attribute) return message.bytes(2, attribute.text);
  if ('flag' in attribute) return message.int(5, Number(attribute.flag));
  if ('type' in attribute) return message.int(6, DATA_TYPES[attribute.type]);
  if ('shape' in attribute) return message.message(7, shapeProto(attribute.shape));
  const list = new Message();
  if ('int' in attribute) {
    if (typeof attribute.int === 'number') return message.int(3, attribute.int);
    for (const value of attribute.int) list.int(3, value);
  } else {
    if (typeof attribute.float === 'number') return message.float(4, attribute.float);
    for (const value of attribute.float) list.float(4, value);
  }
  return message.message(1, list);
}

/** TensorShapeProto { dim 2 { size 1 } } */
function shapeProto(shape: readonly number[]): Message {
  const message = new Message();
  for (const side of shape) message.message(2, new Message().int(1, side));
  return message;
}

/** Where TensorProto keeps a lone value, which stands for all elements. */
const VALUE_FIELDS: Record<DataType, number> = { float32: 5, int32: 7, uint8: 7, bool: 11, bfloat16: 13 };

/** TensorProto { dtype 1, tensor_shape 2, tensor_content 4, or one value in the field of its type } */
function tensorProto({ type, shape, bytes, splat }: Literal): Message {
  const message = new Message().int(1, DATA_TYPES[type]).message(2, shapeProto(shape));
  if (!splat) return message.bytes(4, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type === 'float32') return message.float(VALUE_FIELDS[type], view.getFloat32(0, true));
  return message.int(VALUE_FIELDS[type], type === 'int32' ? view.getInt32(0, true) : view.getUint8(0));
}
