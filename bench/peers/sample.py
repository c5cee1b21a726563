"""Monte Carlo dropout, 30 passes an image, images/s: `sample.py --peer ... --network ... --data FOLDER`.

pytorch    a loop over whole passes, evaluation mode but for dropout
trunk-once the same, the convolutions before the first dropout run once an image (compact alone)
compiled   `pytorch` through torch.compile
baal       ModelWrapper.predict_on_batch of an MCDropoutModule
keras      a tf.function over the passes; keras-xla: compiled by XLA
"""

import importlib.metadata

import common

PEERS = ["pytorch", "trunk-once", "compiled", "baal", "keras", "keras-xla"]
# Images in one batch; Baal makes 30 of each.
BATCH = {"compact": {"baal": 32, "others": 256}, "densenet": {"baal": 8, "others": 32}}
WARM_UP = 2


def pytorch(args):
    import torch
    import torch_peer

    torch_peer.set_up(args)
    x, _ = torch_peer.tensors(args, args.images)
    model = torch_peer.network(args)
    run = passes(args, model)
    with torch.inference_mode():
        score_next = cycle(x, args.batch, run)
        for _ in range(WARM_UP):
            score_next()

        def measure():
            with torch.inference_mode():
                return common.rate(score_next, args.seconds)

        version = importlib.metadata.version("baal") if args.peer == "baal" else torch.__version__
        common.serve(measure, version=version)


def passes(args, model):
    """A function from a batch to the moments of its posterior."""
    import torch
    import torch_peer

    if args.peer == "baal":
        return baal_passes(args, model)
    torch_peer.monte_carlo(model)
    prefix = model.trunk if args.peer == "trunk-once" else None
    whole = model.heads if prefix else torch.compile(model) if args.peer == "compiled" else model

    def run(batch):
        posterior = torch_peer.Posterior()
        with torch_peer.autocast(args):
            if prefix:
                batch = prefix(batch)
            for _ in range(common.PASSES):
                posterior.add(*whole(batch))
        return posterior.result()

    return run


def baal_passes(args, model):
    import torch
    import torch_peer
    from torch import nn
    from baal import ModelWrapper
    from baal.bayesian.dropout import MCDropoutModule
    from baal.modelwrapper import TrainingArgs

    class Joined(nn.Module):
        """Both heads as one [n, classes + 1]: the wrapper takes outputs of two dimensions or more."""

        def __init__(self):
            super().__init__()
            self.network = model

        def forward(self, x):
            logits, log_variance = self.network(x)
            return torch.cat([logits, log_variance.unsqueeze(1)], 1)

    wrapper = ModelWrapper(MCDropoutModule(Joined()), TrainingArgs(use_cuda=False, replicate_in_memory=True))
    wrapper.eval()

    def run(batch):
        with torch_peer.autocast(args):
            outputs = wrapper.predict_on_batch(batch, common.PASSES).unbind(-1)
        posterior = torch_peer.Posterior()
        for output in outputs:
            posterior.add(output[:, :-1], output[:, -1])
        return posterior.result()

    return run


def cycle(x, size, run):
    """Scores batch after batch, from the start again after the last whole one.

    Refuses a sampler that gives the same twice: its dropout is off, and a compiler then makes one pass of all.
    """
    if abs(run(x[:size])[0] - run(x[:size])[0]).max() == 0:
        raise SystemExit("two samples of the same images are the same: no dropout")
    start = 0

    def score_next():
        nonlocal start
        if start + size > len(x):
            start = 0
        run(x[start : start + size])
        start += size
        return size

    return score_next


def keras(args):
    import keras_peer

    keras_peer.set_up(args)
    x, _ = common.images(args.data, args.images)
    score_next = cycle(x, args.batch, keras_peer.sampler(args))
    for _ in range(WARM_UP):
        score_next()
    common.serve(lambda: common.rate(score_next, args.seconds), version=keras_peer.version())


if __name__ == "__main__":
    args = common.arguments(PEERS)
    if args.peer == "trunk-once" and args.network != "compact":
        raise SystemExit("only compact has all of its dropout behind the convolutions")
    args.batch = args.batch or BATCH[args.network]["baal" if args.peer == "baal" else "others"]
    (keras if args.peer.startswith("keras") else pytorch)(args)
