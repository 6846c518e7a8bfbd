"""A batch of images -> the same signs, seen otherwise: uint8 in, uint8 out.

    mirror ─> one projective warp ─────────────────────────> gamma, contrast ─> blur ─> occlusion
              (rotation, scale, shift, shear, perspective)

One resampling for all of the geometry: a second one would blur. A pure function of the images and
the seed, so a training can be taken up anywhere and sees what it would have seen.
"""

import dataclasses
import json
import math
from functools import cache
from importlib.resources import files

import numpy as np
import tensorflow as tf

from traffic_signs.data.sources import labels as names_of
from traffic_signs.images import preprocessing as pixels
from traffic_signs.training.recipe.presets import Augmentation


def mirrors(names: tuple[str, ...]) -> np.ndarray:
    """Return the class that each class shows in a mirror, int32 [C], -1 where that is no sign.

    Known for GTSRB's 43 names, from mirrors.json; with any others, nothing is known: all -1.
    """
    if names != names_of.gtsrb():
        return np.full(len(names), -1, np.int32)
    table = _table()
    return np.array([names.index(table[name]) if name in table else -1 for name in names], np.int32)


@cache
def _table() -> dict[str, str]:
    text = files("traffic_signs.training.recipe").joinpath("mirrors.json").read_text(encoding="utf-8")
    table: dict[str, str] = json.loads(text)
    return table


def augment(
    images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, settings: Augmentation, mirrors: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
    """Change every image of a batch in its own way.

    Args:
        images: uint8 [N, 32, 32, 1].
        labels: int32 [N].
        seed: int32 [2]; the same seed gives the same changes.
        settings: how strong they are.
        mirrors: int32 [C], from `mirrors`.

    Returns:
        (uint8 [N, 32, 32, 1], int32 [N]); a mirrored sign has its mirror image's label.
    """
    # philox by name, as the default may differ between devices
    draws = tf.random.stateless_uniform([18, tf.shape(images)[0]], seed, -1.0, 1.0, alg="philox")
    if settings.flips:
        mirrored = tf.gather(mirrors, labels)
        flipped = tf.logical_and(mirrored >= 0, draws[0] > 0)
        labels = tf.where(flipped, mirrored, labels)
        images = tf.where(flipped[:, None, None, None], tf.reverse(images, [2]), images)
    if dataclasses.replace(settings, flips=False) == Augmentation():
        return images, labels
    changed = tf.cast(images, tf.float32)
    if any((settings.rotation, settings.scale, settings.shift, settings.shear, settings.perspective)):
        changed = _warp(changed, _transforms(draws[1:9], settings))
    changed = _light(changed, draws[9:11], settings)
    if settings.blur:
        share = settings.blur * tf.abs(draws[11])[:, None, None, None]
        changed += share * (_binomial(changed) - changed)
    if settings.occlusion:
        changed = _occlude(changed, draws[12:18], settings.occlusion)
    return tf.cast(tf.round(tf.clip_by_value(changed, 0.0, 255.0)), tf.uint8), labels


def _transforms(draws: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    """Return matrices [N, 3, 3] that map points of the output to points of the input.

    Homogeneous coordinates, in half sides of the image from its centre.
    """
    angle = math.radians(settings.rotation) * draws[0]
    grow = settings.scale * draws[1]
    cosine, sine = tf.cos(angle) * tf.exp(grow), tf.sin(angle) * tf.exp(grow)
    zero, one = tf.zeros_like(angle), tf.ones_like(angle)
    half = pixels.SIZE / 2
    turn = _matrices(
        [cosine, -sine, settings.shift / half * draws[2]],
        [sine, cosine, settings.shift / half * draws[3]],
        [zero, zero, one],
    )
    slant = _matrices([one, settings.shear * draws[4], zero], [settings.shear * draws[5], one, zero], [zero, zero, one])
    tilt = _matrices(
        [one, zero, zero], [zero, one, zero], [settings.perspective * draws[6], settings.perspective * draws[7], one]
    )
    return turn @ slant @ tilt


def _matrices(*rows: list[tf.Tensor]) -> tf.Tensor:
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _warp(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    half, centre = pixels.SIZE / 2, (pixels.SIZE - 1) / 2
    to_pixels = tf.constant([[half, 0, centre], [0, half, centre], [0, 0, 1]], tf.float32)
    transforms = to_pixels @ transforms @ tf.linalg.inv(to_pixels)
    flat = tf.reshape(transforms, [-1, 9])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=flat[:, :8] / flat[:, 8:],
        output_shape=[pixels.SIZE, pixels.SIZE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _light(images: tf.Tensor, draws: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    factors = tf.exp([[settings.light], [settings.contrast]] * draws)[..., None, None, None]
    if settings.light:
        images = 255.0 * tf.pow(images / 255.0, factors[0])
    if settings.contrast:
        mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
        images = mean + factors[1] * (images - mean)
    return images


def _binomial(images: tf.Tensor) -> tf.Tensor:
    """Blur by the filter 1 4 6 4 1, along both axes."""
    row = tf.constant([1, 4, 6, 4, 1], tf.float32) / 16
    padded = tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]], "SYMMETRIC")
    return tf.nn.conv2d(padded, (row[:, None] * row)[..., None, None], 1, "VALID")


def _occlude(images: tf.Tensor, draws: tf.Tensor, largest: float) -> tf.Tensor:
    """Hide a rectangle behind the gray of one of the image's own pixels, as a sticker or a twig in the same light."""
    centre = pixels.SIZE / 2 * (draws[0:2] + 1)
    reach = largest / 4 * (draws[2:4] + 1)
    place = tf.range(pixels.SIZE, dtype=tf.float32)[:, None] + 0.5
    rows = tf.abs(place - centre[0]) < reach[0]
    columns = tf.abs(place - centre[1]) < reach[1]
    hidden = tf.logical_and(tf.transpose(rows)[:, :, None], tf.transpose(columns)[:, None, :])[..., None]
    pixel = tf.cast((draws[4:6] + 1) / 2 * pixels.SIZE, tf.int32)
    gray = tf.gather_nd(images, tf.transpose(tf.minimum(pixel, pixels.SIZE - 1)), batch_dims=1)
    return tf.where(hidden, gray[:, None, None], images)
