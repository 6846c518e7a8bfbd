"""Network and optimizer of a recipe, with compiled functions for training steps and validation.

    order of (seed, epoch) ┐
    step, replica ─────────┴> batch -> augmentation of (seed, step) -> network -> gradients, summed -> optimizer

The training images stay in memory as uint8, one byte a pixel: 40 MB for GTSRB.
"""

import contextlib
import logging
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.recipe import augmentation, sampling, schedule
from traffic_signs.training.recipe import networks as models
from traffic_signs.training.recipe.presets import Recipe

_log = logging.getLogger(__name__)
_EVALUATION_BATCH = 1024
"""Images per call to TensorFlow in an evaluation: no gradients are kept, so more fit than in a step."""


class Trainer:
    """Network and optimizer on all replicas of a distribution strategy."""

    def __init__(self, recipe: Recipe, training: Dataset, seed: int, strategy: tf.distribute.Strategy) -> None:
        replicas = strategy.num_replicas_in_sync
        self._replica_batch = -(-recipe.batch_size // replicas)
        self.batch = self._replica_batch * replicas
        if self.batch != recipe.batch_size:
            _log.warning("batch_size %d is rounded up to %d for %d replicas", recipe.batch_size, self.batch, replicas)
        self.steps_per_epoch = -(-len(training) // self.batch)
        self.total_steps = recipe.epochs * self.steps_per_epoch
        self._recipe, self._seed, self._strategy, self._replicas = recipe, seed, strategy, replicas
        self._classes = len(training.names)
        self._names = training.names
        with strategy.scope():
            self.model = models.build(recipe.network, self._classes)
            self.optimizer = schedule.build_optimizer(recipe, self.total_steps)
            self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        with tf.device("CPU:0"):  # to copy a batch to a GPU takes little of the time that the GPU computes with it
            self._images, self._labels = tf.constant(training.images), tf.constant(training.labels)
        self._epoch_order: tuple[int, tf.Tensor] = (-1, tf.constant(0))
        # AutoGraph has nothing to rewrite here, and takes longer to inspect the called functions than tracing does
        self._steps = tf.function(self._train_steps, autograph=False)
        self._evaluate = tf.function(self._evaluate_batch, autograph=False)

    def train(self, first: int, count: int, stop: bool) -> tuple[float, float, bool]:
        """Take *count* steps of one epoch, from step *first*.

        Returns:
            Loss and number of correct predictions, summed over all replicas, and whether any host has *stop* set.
        """
        epoch = first // self.steps_per_epoch
        if self._epoch_order[0] != epoch:
            order = sampling.order(self._labels.numpy(), self._recipe.balance, self._seed, epoch)
            self._epoch_order = (epoch, tf.constant(order))
        loss, correct, stopping = self._steps(
            self._epoch_order[1], tf.constant(first), tf.constant(count), tf.constant(float(stop))
        ).numpy()
        return float(loss), float(correct), bool(stopping)

    def _train_steps(self, order: tf.Tensor, first: tf.Tensor, count: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        def take_step(step: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            sums = self._strategy.run(self._train_step, args=(order, step, stop))
            return step + 1, totals + self._strategy.reduce("SUM", sums, axis=None)

        _, totals = tf.while_loop(lambda step, _: step < first + count, take_step, (first, tf.zeros(3)))
        return totals

    def _train_step(self, order: tf.Tensor, step: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        """Compute one replica's share of one step; return float32 [loss, correct, stop]."""
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
        with tf.device("CPU:0"):
            start = (step % self.steps_per_epoch) * self.batch + replica * self._replica_batch
            # images from the start of the epoch fill up its last batch, so that all batches have one shape
            indices = tf.gather(order, (start + tf.range(self._replica_batch)) % tf.size(order))
            images, labels = tf.gather(self._images, indices), tf.gather(self._labels, indices)
        if self._recipe.augmentation is not None:
            seed = tf.stack([tf.constant(np.uint32(self._seed).astype(np.int32)), step * self._replicas + replica])
            images, labels = augmentation.augment(
                images, labels, seed, self._recipe.augmentation, augmentation.mirrors(self._names)
            )
        smoothing = self._recipe.label_smoothing
        targets = tf.one_hot(labels, self._classes) * (1 - smoothing) + smoothing / self._classes
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(images, training=True), tf.float32)
            loss = tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
            mean = loss / self.batch
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(mean, [variable.value for variable in variables]), variables)
        return tf.stack([loss, _count_correct(logits, labels), stop])

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the network its averaged weights within the block, if the recipe averages them.

        The statistics of batch normalisation stay as they are: they are averages over the last steps already.
        """
        trained = [np.asarray(variable) for variable in self.model.trainable_variables]
        self.optimizer.finalize_variable_values(self.model.trainable_variables)
        try:
            yield
        finally:
            for variable, value in zip(self.model.trainable_variables, trained, strict=True):
                variable.assign(value)

    def evaluate(self, dataset: Dataset) -> tuple[float, float]:
        """Return mean cross-entropy in nats and accuracy on *dataset*, computed by all replicas together."""
        totals = np.zeros(2)
        batch = -(-_EVALUATION_BATCH // self._replicas) * self._replicas
        for start in range(0, len(dataset), batch):
            indices = np.arange(start, start + batch)
            weights = (indices < len(dataset)).astype(np.float32)  # 0 for the padding of the last batch
            indices = np.minimum(indices, len(dataset) - 1)
            arrays = dataset.images[indices], dataset.labels[indices], weights
            totals += self._evaluate(*map(tf.constant, arrays)).numpy()
        loss, accuracy = totals / len(dataset)
        return float(loss), float(accuracy)

    def _evaluate_batch(self, images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        def evaluate_share() -> tf.Tensor:
            replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
            size = tf.shape(images)[0] // self._replicas
            share = slice(replica * size, (replica + 1) * size)
            logits = tf.cast(self.model(images[share], training=False), tf.float32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels[share], logits)
            correct = _count_correct(logits, labels[share], weights[share])
            return tf.stack([tf.reduce_sum(losses * weights[share]), correct])

        return self._strategy.reduce("SUM", self._strategy.run(evaluate_share), axis=None)


def _count_correct(logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | float = 1.0) -> tf.Tensor:
    hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), tf.cast(labels, tf.int32))
    return tf.reduce_sum(tf.cast(hits, tf.float32) * weights)
