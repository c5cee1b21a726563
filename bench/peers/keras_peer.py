"""The networks, the loss and the augmentation in Keras on TensorFlow."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import common


def version():
    return f"{keras.__version__} on TensorFlow {tf.__version__}"


def set_up(args):
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    keras.utils.set_random_seed(0)
    if args.precision == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")


def network(args):
    """Dropout is always on; the logits and the log-variance come as one [n, 11]."""
    rate = common.RECIPES[args.network]["dropout"]
    x = keras.Input((common.SIDE, common.SIDE, 1))
    h = compact(x, rate, args.channel_dropout) if args.network == "compact" else densenet(x, rate)
    heads = [layers.Dense(common.CLASSES, dtype="float32")(h), layers.Dense(1, dtype="float32")(h)]
    return keras.Model(x, layers.Concatenate(dtype="float32")(heads))


def compact(x, rate, channels):
    h = layers.Conv2D(32, 5, 2, padding="same", activation="relu")(x)
    h = layers.Conv2D(64, 3, padding="same", activation="relu")(h)
    h = layers.MaxPooling2D(2)(h)
    if channels:
        h = layers.Flatten()(layers.SpatialDropout2D(rate)(h, training=True))
    else:
        h = layers.Dropout(rate)(layers.Flatten()(h), training=True)
    return layers.Dropout(rate)(layers.Dense(128, activation="relu")(h), training=True)


def densenet(x, rate, depth=40, growth=12):
    normalised = lambda h: layers.ReLU()(layers.BatchNormalization(epsilon=1.001e-5)(h))
    convolution = lambda width, side: layers.Conv2D(
        width, side, padding="same", use_bias=False, kernel_regularizer=keras.regularizers.L2(1e-4)
    )
    width = 2 * growth
    h = convolution(width, 3)(x)
    for block in range(3):
        for _ in range((depth - 4) // 6):
            new = layers.Dropout(rate)(convolution(4 * growth, 1)(normalised(h)), training=True)
            new = layers.Dropout(rate)(convolution(growth, 3)(normalised(new)), training=True)
            h = layers.Concatenate()([h, new])
            width += growth
        if block < 2:
            width //= 2
            h = layers.AveragePooling2D(2)(convolution(width, 1)(normalised(h)))
    return layers.GlobalAveragePooling2D()(normalised(h))


def heteroscedastic_loss(draws):
    """Kendall and Gal 2017, eq. 12, as a log-sum-exp over the draws."""

    def loss(labels, outputs):
        logits, log_variance = outputs[:, :-1], outputs[:, -1:]
        noise = tf.random.normal([draws, tf.shape(logits)[0], common.CLASSES])
        log_p = tf.nn.log_softmax(logits + noise * tf.exp(log_variance / 2))
        labels = tf.cast(labels, tf.int32)
        log_p = tf.gather(log_p, tf.broadcast_to(labels, [draws, tf.shape(labels)[0]]), axis=2, batch_dims=2)
        return np.log(draws) - tf.reduce_logsumexp(log_p, 0)

    return loss


def augment(x, labels):
    """Shift, rotation and scale, drawn an image, by one bilinear look-up; then a rectangle is erased from some."""
    n, side = tf.shape(x)[0], common.SIDE
    uniform = lambda low, high: tf.random.uniform([n], low, high)
    angle = uniform(-common.ROTATION, common.ROTATION)
    scale = uniform(1 - common.SCALE, 1 + common.SCALE)
    cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
    middle = (side - 1) / 2
    shift = common.SHIFT * side
    dx = middle * (1 - cos + sin) + uniform(-shift, shift)
    dy = middle * (1 - sin - cos) + uniform(-shift, shift)
    zeros = tf.zeros([n])
    transforms = tf.stack([cos, -sin, dx, sin, cos, dy, zeros, zeros], 1)
    x = tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=transforms,
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    area = uniform(*common.ERASED_AREA) * side * side
    ratio = tf.exp(uniform(-np.log(2), np.log(2)))
    high, wide = tf.round(tf.sqrt(area * ratio)), tf.round(tf.sqrt(area / ratio))
    span = tf.range(side, dtype=tf.float32)

    def inside(length):
        start = tf.round(uniform(0, 1) * (side - length))[:, None]
        return (span >= start) & (span < start + length[:, None])

    rows = inside(high) & (uniform(0, 1) < common.ERASE)[:, None]
    erased = rows[:, :, None] & inside(wide)[:, None, :]
    return tf.where(erased[..., None], 0.0, x), labels


def trainer(args, x, labels):
    """A function that trains one step as `fit` does and returns its number of images; and the number of weights."""
    recipe = common.RECIPES[args.network]
    model = network(args)
    if args.network == "densenet":
        update = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    else:
        update = keras.optimizers.AdamW(2e-3, weight_decay=0.02, beta_2=0.99)
        update.exclude_from_weight_decay(var_names=["bias"])
    model.compile(update, heteroscedastic_loss(recipe["draws"]), jit_compile=args.peer == "keras-xla")
    data = tf.data.Dataset.from_tensor_slices((x, labels.astype(np.int32))).shuffle(len(x)).repeat()
    data = data.batch(recipe["batch"], drop_remainder=True)
    if recipe["augment"]:
        data = data.map(augment, num_parallel_calls=tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.threading.private_threadpool_size = args.threads
    batches = iter(data.prefetch(tf.data.AUTOTUNE).with_options(options))
    step = model.make_train_function() or model.train_function

    def train():
        step(batches)
        return recipe["batch"]

    for _ in range(5):
        train()
    size = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return train, size


def sampler(args):
    """A function from a batch to the moments of its posterior."""
    model = network(args)

    @tf.function(jit_compile=args.peer == "keras-xla")
    def run(batch):
        p = entropy = variance = 0.0
        for _ in range(common.PASSES):
            # Without `training`, which would turn off the dropout that the layers were called with.
            outputs = model(batch)
            log_p = tf.nn.log_softmax(outputs[:, :-1])
            probability = tf.exp(log_p)
            p += probability
            entropy -= tf.reduce_sum(probability * log_p, 1)
            variance += tf.exp(outputs[:, -1])
        p, aleatoric = p / common.PASSES, entropy / common.PASSES
        predictive = -tf.reduce_sum(tf.math.xlogy(p, p), 1)
        return p, predictive, aleatoric, predictive - aleatoric, variance / common.PASSES

    return lambda batch: [column.numpy() for column in run(batch)]
