"""The networks, the loss, the optimisers and the augmentation in PyTorch, channels-last."""

import contextlib
import math

import torch
import torch.nn.functional as F
from torch import nn

import common


class DenseLayer(nn.Module):
    def __init__(self, width, growth, dropout):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(width, eps=1.001e-5)
        self.conv1 = nn.Conv2d(width, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth, eps=1.001e-5)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.drop1 = nn.Dropout(dropout)
        self.drop2 = nn.Dropout(dropout)

    def forward(self, x):
        h = self.drop1(self.conv1(self.relu(self.norm1(x))))
        h = self.drop2(self.conv2(self.relu(self.norm2(h))))
        return torch.cat([x, h], 1)


class Transition(nn.Sequential):
    def __init__(self, width):
        super().__init__(
            nn.BatchNorm2d(width, eps=1.001e-5),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width // 2, 1, bias=False),
            nn.AvgPool2d(2),
        )


class DenseNet(nn.Module):
    """DenseNet-BC: three blocks of dense layers; heads for the logits and one log-variance an image."""

    def __init__(self, depth=40, growth=12, dropout=0.2):
        super().__init__()
        width = 2 * growth
        layers = [nn.Conv2d(1, width, 3, padding=1, bias=False)]
        for block in range(3):
            for _ in range((depth - 4) // 6):
                layers.append(DenseLayer(width, growth, dropout))
                width += growth
            if block < 2:
                layers.append(Transition(width))
                width //= 2
        layers += [nn.BatchNorm2d(width, eps=1.001e-5), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.trunk = nn.Sequential(*layers)
        self.logits = nn.Linear(width, common.CLASSES)
        self.log_variance = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.logits(h), self.log_variance(h).squeeze(1)


class Compact(nn.Module):
    def __init__(self, dropout=0.5, channels=False):
        super().__init__()
        # TensorFlow pads a stride of 2 by one more row behind than before; the work is the same.
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 32, 5, stride=2, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        drop = [nn.Dropout2d(dropout), nn.Flatten()] if channels else [nn.Flatten(), nn.Dropout(dropout)]
        self.head = nn.Sequential(*drop, nn.Linear(64 * 49, 128), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.logits = nn.Linear(128, common.CLASSES)
        self.log_variance = nn.Linear(128, 1)

    def heads(self, trunk):
        h = self.head(trunk)
        return self.logits(h), self.log_variance(h).squeeze(1)

    def forward(self, x):
        return self.heads(self.trunk(x))


def set_up(args):
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)


def network(args):
    dropout = common.RECIPES[args.network]["dropout"]
    model = Compact(dropout, args.channel_dropout) if args.network == "compact" else DenseNet(dropout=dropout)
    return model.to(memory_format=torch.channels_last)


def autocast(args):
    if args.precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast("cpu", torch.bfloat16)


def tensors(args, count, start=0):
    """Images [count, 1, 28, 28] channels-last, and labels [count]."""
    x, labels = common.images(args.data, count, start)
    x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return x, torch.from_numpy(labels)


def heteroscedastic_loss(logits, log_variance, labels, draws):
    """Kendall and Gal 2017, eq. 12, as a log-sum-exp over the draws."""
    logits, log_variance = logits.float(), log_variance.float()
    noise = torch.randn(draws, *logits.shape)
    drawn = torch.addcmul(logits, noise, torch.exp(log_variance / 2).unsqueeze(1))
    log_p = F.log_softmax(drawn, 2).gather(2, labels.expand(draws, -1).unsqueeze(2)).squeeze(2)
    return (math.log(draws) - torch.logsumexp(log_p, 0)).mean()


def optimiser(args, model):
    """Kernels decay, the others do not."""
    decay = 1e-4 if args.network == "densenet" else 0.02
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0}]
    if args.network == "densenet":
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.99), fused=True)


def augment(x):
    """Shift, rotation and scale, drawn an image, by one bilinear look-up; then a rectangle is erased from some."""
    n, _, height, width = x.shape
    symmetric = lambda limit: torch.empty(n).uniform_(-limit, limit)
    angle, scale = symmetric(common.ROTATION), 1 + symmetric(common.SCALE)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    dx, dy = symmetric(2 * common.SHIFT), symmetric(2 * common.SHIFT)
    theta = torch.stack([cos, -sin, dx, sin, cos, dy], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, "bilinear", "reflection", align_corners=False)
    area = torch.empty(n).uniform_(*common.ERASED_AREA) * (height * width)
    ratio = torch.exp(symmetric(math.log(2)))
    high, wide = torch.sqrt(area * ratio).round_(), torch.sqrt(area / ratio).round_()
    top, left = torch.rand(n) * (height - high), torch.rand(n) * (width - wide)
    inside = lambda side, start, length: (
        (torch.arange(side) >= start.round().unsqueeze(1)) & (torch.arange(side) < (start.round() + length).unsqueeze(1))
    )
    rows = inside(height, top, high) & (torch.rand(n, 1) < common.ERASE)
    erased = rows.unsqueeze(2) & inside(width, left, wide).unsqueeze(1)
    return x.masked_fill_(erased.unsqueeze(1), 0).contiguous(memory_format=torch.channels_last)


def trainer(args, x, labels, compiled=False):
    """A function of no arguments that trains one step and returns its number of images."""
    recipe = common.RECIPES[args.network]
    model = network(args).train()
    update = optimiser(args, model)

    def loss_of(batch, target):
        return heteroscedastic_loss(*model(batch), target, recipe["draws"])

    loss = torch.compile(loss_of) if compiled else loss_of
    order = iter(())

    def step():
        nonlocal order
        index = next(order, None)
        if index is None or len(index) < recipe["batch"]:
            order = iter(torch.randperm(len(x)).split(recipe["batch"]))
            index = next(order)
        batch = x[index].contiguous(memory_format=torch.channels_last)
        if recipe["augment"]:
            batch = augment(batch)
        update.zero_grad(set_to_none=True)
        with autocast(args):
            value = loss(batch, labels[index])
        value.backward()
        update.step()
        return len(index)

    step.model = model
    step.update = update
    return step


def monte_carlo(model):
    """Evaluation mode, but for dropout."""
    model.eval()
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.train()
    return model


class Posterior:
    """Moments of the passes: mean softmax, entropies, mean exp s."""

    def __init__(self):
        self.p = self.entropy = self.variance = 0
        self.passes = 0

    def add(self, logits, log_variance):
        log_p = F.log_softmax(logits.float(), -1)
        p = log_p.exp()
        self.p = self.p + p
        self.entropy = self.entropy - (p * log_p).sum(-1)
        self.variance = self.variance + log_variance.float().exp()
        self.passes += 1

    def result(self):
        """Mean softmax, predictive entropy, aleatoric, epistemic, mean exp s."""
        p, aleatoric = self.p / self.passes, self.entropy / self.passes
        predictive = -torch.xlogy(p, p).sum(-1)
        return p, predictive, aleatoric, predictive - aleatoric, self.variance / self.passes
