"""Milliseconds of each op of a step that bench/profile.ts kept: `op_profile.py --folder FOLDER --threads 2 --runs 20`.

The same TensorFlow, graph and feeds as in the learner, in a session that traces. An op's time is its least over the runs:
what others take of the cores can only lengthen it.
"""

import argparse
import collections
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

v1 = tf.compat.v1
FULL_TRACE = 3


def session(folder, threads):
    model = saved_model_pb2.SavedModel()
    with open(f"{folder}/saved_model.pb", "rb") as file:
        model.ParseFromString(file.read())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(model.meta_graphs[0].graph_def, name="")
    config = v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    return v1.Session(graph=graph, config=config)


def call(folder, graph, name):
    """What a call of the step fetches, and what it was fed."""
    with open(f"{folder}/{name}.json") as file:
        ends = json.load(file)
    feeds = {}
    for i, end in enumerate(ends["inputs"]):
        tensor = graph.get_tensor_by_name(end)
        values = np.fromfile(f"{folder}/{name}-{i}.bin", tensor.dtype.as_numpy_dtype)
        feeds[tensor] = values.reshape(tensor.shape.as_list())
    return [graph.get_tensor_by_name(end) for end in ends["outputs"]], feeds


def op_of(node):
    """The op that ran, from a label 'name = Op(inputs)'."""
    label = node.timeline_label
    return label.split(" = ")[1].split("(")[0] if " = " in label else label


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    with session(args.folder, args.threads) as running:
        running.run(*call(args.folder, running.graph, "write"))
        step = call(args.folder, running.graph, "run")
        least, ops, walls, cpu = {}, {}, [], []
        for _ in range(3):
            running.run(*step)
        for _ in range(args.runs):
            begun, used = time.perf_counter(), time.process_time()
            running.run(*step)
            walls.append(time.perf_counter() - begun)
            cpu.append(time.process_time() - used)
            metadata = v1.RunMetadata()
            running.run(*step, options=v1.RunOptions(trace_level=FULL_TRACE), run_metadata=metadata)
            for device in metadata.step_stats.dev_stats:
                for node in device.node_stats:
                    spent = node.op_end_rel_nanos - node.op_start_rel_nanos
                    least[node.node_name] = min(least.get(node.node_name, spent), spent)
                    ops[node.node_name] = op_of(node)
    total = collections.defaultdict(lambda: [0, 0.0])
    for name, spent in least.items():
        total[ops[name]][0] += 1
        total[ops[name]][1] += spent / 1e6
    rows = sorted(([op, count, spent] for op, (count, spent) in total.items()), key=lambda row: -row[2])
    print(json.dumps({"wall": 1000 * min(walls), "cpu": 1000 * min(cpu), "ops": rows}))


if __name__ == "__main__":
    main()
