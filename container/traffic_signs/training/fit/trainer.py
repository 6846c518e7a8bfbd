"""A recipe and arrays -> the network and its optimizer, and what TensorFlow compiles: steps and validation.

    order of (seed, epoch) ┐
    step, replica ─────────┴> batch -> augmentation of (seed, step) -> network -> gradients, summed -> optimizer

The training images lie in memory as they are, one byte a pixel: 40 MB for GTSRB.
"""

import logging

import numpy as np
import tensorflow as tf

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.recipe import augmentation, sampling, schedule
from traffic_signs.training.recipe import networks as models
from traffic_signs.training.recipe.presets import Recipe

_log = logging.getLogger(__name__)
_EVALUATED = 1024
"""Images of one call to TensorFlow in an evaluation: no gradients are kept, so more fit than in a step."""


class Trainer:
    """What is trained, on all replicas of a strategy at once."""

    def __init__(self, recipe: Recipe, training: Dataset, seed: int, strategy: tf.distribute.Strategy) -> None:
        replicas = strategy.num_replicas_in_sync
        self._share = -(-recipe.batch_size // replicas)
        self.batch = self._share * replicas
        if self.batch != recipe.batch_size:
            _log.warning("batch_size %d is rounded up to %d for %d replicas", recipe.batch_size, self.batch, replicas)
        self.steps_per_epoch = -(-len(training) // self.batch)
        self.total_steps = recipe.epochs * self.steps_per_epoch
        self._recipe, self._seed, self._strategy, self._replicas = recipe, seed, strategy, replicas
        self._classes = len(training.names)
        self._names = training.names
        with strategy.scope():
            self.model = models.build(recipe.network, self._classes)
            self.optimizer = schedule.optimizer(recipe, self.total_steps)
            self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        with tf.device("CPU:0"):  # a batch is small beside what a GPU does with it
            self._images, self._labels = tf.constant(training.images), tf.constant(training.labels)
        self._order: tuple[int, tf.Tensor] = (-1, tf.constant(0))
        # nothing here is for AutoGraph to rewrite, and its look at all that is called takes longer than tracing
        self._steps = tf.function(self._train_steps, autograph=False)
        self._evaluate = tf.function(self._evaluate_batch, autograph=False)

    def train(self, first: int, count: int, stop: bool) -> tuple[float, float, bool]:
        """Take *count* steps of one epoch; return sums over all replicas: loss, correct, and whether any stops."""
        epoch = first // self.steps_per_epoch
        if self._order[0] != epoch:
            order = sampling.order(self._labels.numpy(), self._recipe.balance, self._seed, epoch)
            self._order = (epoch, tf.constant(order))
        flag = tf.constant(float(stop))
        loss, correct, stopping = self._steps(self._order[1], tf.constant(first), tf.constant(count), flag).numpy()
        return float(loss), float(correct), bool(stopping)

    def _train_steps(self, order: tf.Tensor, first: tf.Tensor, count: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        def take(step: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            sums = self._strategy.run(self._train_step, args=(order, step, stop))
            return step + 1, totals + self._strategy.reduce("SUM", sums, axis=None)

        _, totals = tf.while_loop(lambda step, _: step < first + count, take, (first, tf.zeros(3)))
        return totals

    def _train_step(self, order: tf.Tensor, step: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        """One replica's share of one step; [loss, correct, stop]."""
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
        with tf.device("CPU:0"):
            start = (step % self.steps_per_epoch) * self.batch + replica * self._share
            # the last batch of an epoch is filled up from its beginning: all batches have one shape
            chosen = tf.gather(order, (start + tf.range(self._share)) % tf.size(order))
            images, labels = tf.gather(self._images, chosen), tf.gather(self._labels, chosen)
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
        return tf.stack([loss, _correct(logits, labels), stop])

    def evaluate(self, dataset: Dataset) -> tuple[float, float]:
        """Return mean cross-entropy and accuracy, computed by all replicas together."""
        totals = np.zeros(2)
        batch = -(-_EVALUATED // self._replicas) * self._replicas
        for start in range(0, len(dataset), batch):
            indices = np.arange(start, start + batch)
            counted = indices < len(dataset)
            indices = np.minimum(indices, len(dataset) - 1)
            arrays = dataset.images[indices], dataset.labels[indices], counted.astype(np.float32)
            totals += self._evaluate(*map(tf.constant, arrays)).numpy()
        loss, accuracy = totals / len(dataset)
        return float(loss), float(accuracy)

    def _evaluate_batch(self, images: tf.Tensor, labels: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
        def share() -> tf.Tensor:
            replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
            size = tf.shape(images)[0] // self._replicas
            mine = slice(replica * size, (replica + 1) * size)
            logits = tf.cast(self.model(images[mine], training=False), tf.float32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels[mine], logits)
            return tf.stack([tf.reduce_sum(losses * counted[mine]), _correct(logits, labels[mine], counted[mine])])

        return self._strategy.reduce("SUM", self._strategy.run(share), axis=None)


def _correct(logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | float = 1.0) -> tf.Tensor:
    hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), tf.cast(labels, tf.int32))
    return tf.reduce_sum(tf.cast(hits, tf.float32) * weights)
