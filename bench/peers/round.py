"""A whole round of self-training as a plain PyTorch loop, in seconds: train, score the pool, set a cut-off, relabel."""

import math
import time

import torch

import common
import torch_peer

LABELLED, CALIBRATION, POOL = 300, 200, 10_000
TARGET_ERROR = 0.02
BATCH = 256


def score(args, model, x):
    """Mean softmax [n, classes] and predictive entropy [n] of 30 passes."""
    p, entropy = [], []
    with torch.inference_mode(), torch_peer.autocast(args):
        for batch in x.split(BATCH):
            posterior = torch_peer.Posterior()
            for _ in range(common.PASSES):
                posterior.add(*model(batch))
            mean, predictive, *_ = posterior.result()
            p.append(mean)
            entropy.append(predictive)
    return torch.cat(p), torch.cat(entropy)


def cutoff(entropy, correct):
    """The largest entropy up to which the calibration images' error stays within the target."""
    entropy, order = entropy.sort()
    wrong = (~correct[order]).cumsum(0)
    error = (wrong + 0.5) / (torch.arange(len(order)) + 2)
    within = (error <= TARGET_ERROR).nonzero()
    return entropy[within[-1]].item() if len(within) else -1.0


def one_round(args):
    begun = time.perf_counter()
    x, labels = torch_peer.tensors(args, LABELLED)
    step = torch_peer.trainer(args, x, labels, compiled=args.peer == "compiled")
    warm_up = max(1, round(args.steps * 0.05))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        step.update,
        lambda i: (i + 1) / warm_up
        if i < warm_up
        else (1 + math.cos(math.pi * (i - warm_up) / (args.steps - warm_up))) / 2,
    )
    for _ in range(args.steps):
        step()
        schedule.step()
    model = torch_peer.monte_carlo(step.model)
    known, truth = torch_peer.tensors(args, CALIBRATION, LABELLED)
    p, entropy = score(args, model, known)
    limit = cutoff(entropy, p.argmax(1) == truth)
    pool, _ = torch_peer.tensors(args, POOL, LABELLED + CALIBRATION)
    p, entropy = score(args, model, pool)
    pseudo_labels = torch.where(entropy <= limit, p.argmax(1), -1)
    pseudo_labels.numpy()
    return time.perf_counter() - begun


if __name__ == "__main__":
    args = common.arguments(["pytorch", "compiled"])
    torch_peer.set_up(args)
    common.serve(lambda: one_round(args), version=torch.__version__)
