"""What all peers share: arguments, data, the clock, and how a figure is told.

A script measures once for every line on its standard input and prints one JSON line for it, so that the bench can take
turns between peers that are all warm: `echo | python3 train.py ...` measures once.
"""

import argparse
import json
import os
import sys
import time

import numpy as np

SIDE = 28
CLASSES = 10
PASSES = 30
# The recipes that Labelloop trains the two networks with.
RECIPES = {
    "compact": {"batch": 96, "draws": 20, "dropout": 0.5, "augment": True},
    "densenet": {"batch": 32, "draws": 100, "dropout": 0.2, "augment": False},
}
SHIFT, ROTATION, SCALE, ERASE = 0.07, np.pi / 15, 0.1, 0.3
ERASED_AREA = (0.02, 0.15)


def arguments(peers):
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", choices=peers, required=True)
    parser.add_argument("--network", choices=RECIPES, default="compact")
    parser.add_argument("--data", required=True, help="folder with 'pixels' (uint8, n x 28 x 28) and 'labels' (uint8)")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--channel-dropout", action="store_true", help="compact: drop whole channels before the dense layer")
    parser.add_argument("--steps", type=int, default=1200, help="training steps of a round")
    parser.add_argument("--images", type=int, default=10_000, help="images to sample from")
    parser.add_argument("--batch", type=int, help="images sampled together; by default what was fastest")
    return parser.parse_args()


def images(folder, count, start=0):
    """Standardised images as Labelloop has them, float32 [count, 28, 28, 1], and labels [count]."""
    size = SIDE * SIDE
    raw = np.fromfile(f"{folder}/pixels", np.uint8, count * size, offset=start * size).reshape(count, size)
    labels = np.fromfile(f"{folder}/labels", np.uint8, count, offset=start).astype(np.int64)
    x = raw.astype(np.float32)
    x -= x.mean(1, keepdims=True)
    x /= np.maximum(x.std(1, keepdims=True), 255 / np.sqrt(size))
    return x.reshape(count, SIDE, SIDE, 1), labels


def rate(step, seconds):
    """Images a second of `step`, which returns how many images it took."""
    done = 0
    begun = time.perf_counter()
    while True:
        done += step()
        elapsed = time.perf_counter() - begun
        if elapsed >= seconds:
            return done / elapsed


def peak_memory():
    """Most resident memory of this process so far, bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def serve(measure, **facts):
    """Says that it is warm, then measures once a line; `measure` returns the figure."""
    print(json.dumps({"ready": True, **facts}), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        figure = measure()
        seconds = time.perf_counter() - begun
        print(json.dumps({"figure": figure, "seconds": seconds, "peak": peak_memory()}), flush=True)
