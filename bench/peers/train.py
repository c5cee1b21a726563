"""Training throughput, images/s: `train.py --peer pytorch|compiled|keras|keras-xla --network compact|densenet --data FOLDER`."""

import common

TRAINED_ON = 4000


def pytorch(args):
    import torch
    import torch_peer

    torch_peer.set_up(args)
    x, labels = torch_peer.tensors(args, TRAINED_ON)
    step = torch_peer.trainer(args, x, labels, compiled=args.peer == "compiled")
    for _ in range(5):
        step()
    size = sum(p.numel() for p in step.model.parameters())
    common.serve(lambda: common.rate(step, args.seconds), parameters=size, version=torch.__version__)


def keras(args):
    import keras_peer

    keras_peer.set_up(args)
    step, size = keras_peer.trainer(args, *common.images(args.data, TRAINED_ON))
    common.serve(lambda: common.rate(step, args.seconds), parameters=size, version=keras_peer.version())


if __name__ == "__main__":
    args = common.arguments(["pytorch", "compiled", "keras", "keras-xla"])
    (keras if args.peer.startswith("keras") else pytorch)(args)
