"""What augmentation does to images and labels, and what it must leave alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from traffic_signs.data.sources import labels as names_of
from traffic_signs.data.sources import synthetic
from traffic_signs.training.recipe.augmentation import augment, mirrors
from traffic_signs.training.recipe.presets import PRESETS, Augmentation

NAMES = names_of.gtsrb()
IMAGES = np.random.default_rng(1).integers(0, 256, (64, 32, 32, 1), dtype=np.uint8)
LABELS = np.arange(64, dtype=np.int32) % len(NAMES)
BOTH_WAYS = ["Pedestrians", "Children crossing", "Bicycles crossing", "Wild animals crossing"]
STRONG = PRESETS["best"].augmentation or Augmentation()


def changed(settings: Augmentation, images: np.ndarray = IMAGES, seed: int = 1) -> np.ndarray:
    return both(settings, images, seed)[0]


def both(settings: Augmentation, images: np.ndarray = IMAGES, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    labels = LABELS[: len(images)]
    pixels, classes = augment(
        tf.constant(images), tf.constant(labels), tf.constant([7, seed]), settings, mirrors(NAMES)
    )
    assert (pixels.shape, pixels.dtype, classes.dtype) == (images.shape, tf.uint8, tf.int32)
    return pixels.numpy(), classes.numpy()


def dot(right: float, down: float) -> np.ndarray:
    """64 images of a bright blob, so far from the centre, in pixels."""
    place = np.arange(32) - 15.5
    blob = np.exp(-((place - right) ** 2 + (place[:, None] - down) ** 2) / 8)
    return np.repeat((255 * blob).astype(np.uint8)[None, ..., None], 64, axis=0)


def centres(images: np.ndarray) -> np.ndarray:
    """Where the blobs are, [N, 2]: right and down of the centre, in pixels."""
    weights = images[..., 0].astype(float) ** 2
    place = np.arange(32) - 15.5
    total = weights.sum((1, 2))
    return np.stack([weights.sum(1) @ place / total, weights.sum(2) @ place / total], axis=1)


def test_without_strength_nothing_changes() -> None:
    pixels, classes = both(Augmentation())
    np.testing.assert_array_equal(pixels, IMAGES)
    np.testing.assert_array_equal(classes, LABELS)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Augmentation)])
def test_every_strength_has_an_effect_of_its_own(name: str) -> None:
    alone = changed(dataclasses.replace(Augmentation(), **{name: getattr(STRONG, name)}))
    assert (alone != IMAGES).any()
    assert (alone != changed(STRONG)).any()


def test_the_seed_decides_everything_in_graphs_as_well() -> None:
    first = both(STRONG)
    compiled = tf.function(augment)
    again = compiled(tf.constant(IMAGES), tf.constant(LABELS), tf.constant([7, 1]), STRONG, mirrors(NAMES))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != both(STRONG, seed=2)[0]).any(axis=(1, 2, 3)).mean() > 0.9


def test_images_of_a_batch_are_changed_in_different_ways() -> None:
    assert len(np.unique(changed(STRONG, IMAGES[:1].repeat(64, axis=0)), axis=0)) == 64


def test_shifts_are_in_pixels() -> None:
    moved = centres(changed(Augmentation(shift=3), dot(0, 0)))
    assert 2.5 < np.abs(moved).max() < 3.1
    assert np.abs(moved.mean(0)).max() < 1


def test_rotation_is_in_degrees_and_round_the_centre() -> None:
    right, down = centres(changed(Augmentation(rotation=15), dot(10, 0))).T
    assert 12 < np.degrees(np.abs(np.arctan2(down, right))).max() < 16
    np.testing.assert_allclose(np.hypot(right, down), 10, atol=0.3)


def test_scale_is_the_logarithm_of_a_factor() -> None:
    right, down = centres(changed(Augmentation(scale=0.2), dot(9, 0))).T
    assert np.abs(down).max() < 0.2
    assert 0.15 < np.abs(np.log(right / 9)).max() < 0.22


def test_light_and_contrast_keep_the_order_of_grays() -> None:
    ramp = np.repeat(np.linspace(60, 190, 1024).round().astype(np.uint8).reshape(1, 32, 32, 1), 64, axis=0)
    for settings in (Augmentation(light=0.5), Augmentation(contrast=0.3)):
        assert (np.diff(changed(settings, ramp).reshape(64, -1).astype(int), axis=1) >= 0).all()
    means = changed(Augmentation(contrast=0.3), ramp).mean((1, 2, 3))
    np.testing.assert_allclose(means, ramp[0].mean(), atol=0.6)


def test_blur_takes_detail_away_and_keeps_the_mean() -> None:
    blurred = changed(Augmentation(blur=1))
    assert (blurred.std((1, 2, 3)) <= IMAGES.std((1, 2, 3))).all()
    np.testing.assert_allclose(blurred.mean((1, 2, 3)), IMAGES.mean((1, 2, 3)), atol=3)


def test_an_occlusion_is_one_rectangle_of_one_gray_of_the_image() -> None:
    sizes = []
    for before, after in zip(IMAGES[..., 0], changed(Augmentation(occlusion=14))[..., 0], strict=True):
        rows, columns = np.nonzero(before != after)
        if rows.size:
            box = after[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert (box == box[0, 0]).all()
            assert box[0, 0] in before
            sizes.append(box.shape)
    assert 10 < np.max(sizes) <= 14
    assert len(sizes) > 32


def test_a_mirrored_sign_gets_the_label_of_what_it_shows() -> None:
    pixels, classes = both(Augmentation(flips=True))
    flipped = (pixels == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(pixels[~flipped], IMAGES[~flipped])
    table = mirrors(NAMES)
    np.testing.assert_array_equal(classes, np.where(flipped, table[LABELS], LABELS))
    possible = table[LABELS] >= 0
    assert not flipped[~possible].any()
    assert 0.2 < flipped[possible].mean() < 0.8


def test_a_mirrored_mirror_image_is_the_sign_itself() -> None:
    table = mirrors(NAMES)
    classes = np.flatnonzero(table >= 0)
    np.testing.assert_array_equal(table[table[classes]], classes)
    assert 0 < len(classes) < len(NAMES)


def test_mirror_images_agree_with_the_drawings() -> None:
    """The drawing of a class, mirrored, is nearest to the drawing of the class in the table."""
    drawings = np.stack([np.asarray(synthetic.sign(label).convert("LA")).astype(int) for label in range(len(NAMES))])
    for label, other in enumerate(mirrors(NAMES)):
        if other >= 0 and NAMES[label] not in BOTH_WAYS:
            distances = np.abs(drawings[label, :, ::-1] - drawings).mean((1, 2, 3))
            assert distances.argmin() == other, NAMES[label]
            assert distances[other] < 1, NAMES[label]


def test_signs_that_stand_on_both_sides_of_the_road_may_face_either_way() -> None:
    assert [NAMES[other] for label, other in enumerate(mirrors(NAMES)) if NAMES[label] in BOTH_WAYS] == BOTH_WAYS


def test_nothing_is_known_of_the_mirror_images_of_other_signs() -> None:
    others = (*NAMES[:-1], "A sign of another country")
    assert (mirrors(others) == -1).all()
    assert mirrors(("Yield", "Stop")).tolist() == [-1, -1]
