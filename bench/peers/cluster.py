"""k-means by others: `cluster.py --peer ... --data FILE --width 128 --k 300 --output FILE`, once.

minibatch  scikit-learn's MiniBatchKMeans, fit to the whole array
partial    the same, fed shard by shard: memory stays flat
faiss      faiss.Kmeans as it comes: 25 iterations on 256 rows a cluster
faiss-all  the same on all rows

Seconds are from the file to the centroids, rows scaled to length 1 on the way, as Labelloop does it.
"""

import argparse
import importlib.metadata
import json
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument("--peer", choices=["minibatch", "partial", "faiss", "faiss-all"], required=True)
parser.add_argument("--data", required=True, help="float32 rows, one after the other")
parser.add_argument("--width", type=int, required=True)
parser.add_argument("--shard", type=int, required=True, help="rows read at once by 'partial'")
parser.add_argument("--k", type=int, required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--output", required=True)
parser.add_argument("--threads", type=int, default=1)
args = parser.parse_args()
for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = str(args.threads)

import numpy as np  # noqa: E402

import common  # noqa: E402


def normalised(x):
    length = np.linalg.norm(x, axis=1, keepdims=True)
    x /= np.where(length > 0, length, 1)
    return x


def whole():
    return normalised(np.fromfile(args.data, np.float32).reshape(-1, args.width))


def shards():
    with open(args.data, "rb") as file:
        while (x := np.fromfile(file, np.float32, args.shard * args.width)).size:
            yield normalised(x.reshape(-1, args.width))


def scikit():
    from sklearn.cluster import MiniBatchKMeans

    # Three starts and batches of 1,024 rows are its defaults; a shard is a batch when it is fed.
    model = MiniBatchKMeans(args.k, random_state=args.seed, n_init=3)
    if args.peer == "minibatch":
        model.fit(whole())
    else:
        for shard in shards():
            model.partial_fit(shard)
    return model.cluster_centers_


def faiss():
    import faiss as library

    library.omp_set_num_threads(args.threads)
    more = {"max_points_per_centroid": 10**9} if args.peer == "faiss-all" else {}
    model = library.Kmeans(args.width, args.k, niter=25, seed=args.seed, **more)
    model.train(whole())
    return model.centroids


of_faiss = args.peer.startswith("faiss")
fit = faiss if of_faiss else scikit
begun, cpu = time.perf_counter(), time.process_time()
centroids = fit()
figures = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu, "peak": common.peak_memory()}
np.asarray(centroids, np.float32).tofile(args.output)
package = "faiss-cpu" if of_faiss else "scikit-learn"
print(json.dumps({**figures, "version": f"{package} {importlib.metadata.version(package)}"}))
