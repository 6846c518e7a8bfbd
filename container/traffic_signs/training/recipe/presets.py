"""Presets: named recipes, which with the data and the seed determine a training.

A hyperparameter of a job replaces the field of the same name in the recipe of its preset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True)
class Augmentation:
    """Strength of the random changes of each image in each epoch; 0 disables a change.

    For a range, a number from minus to plus the value is drawn uniformly for each image.
    """

    rotation: float = 0.0
    """Degrees; a range."""
    scale: float = 0.0
    """Natural logarithm of the factor; a range."""
    shift: float = 0.0
    """Pixels, along each axis; a range."""
    shear: float = 0.0
    """Tangent of the angle; a range."""
    perspective: float = 0.0
    """Change of the scale from the centre to an edge of the image, along each axis; a range."""
    light: float = 0.0
    """Natural logarithm of the exponent of a gamma curve; a range."""
    contrast: float = 0.0
    """Natural logarithm of the factor that scales the differences of pixels from their mean; a range."""
    blur: float = 0.0
    """Largest share, up to 1, with which a copy blurred by a 5 x 5 binomial filter is mixed in."""
    occlusion: float = 0.0
    """Largest side, in pixels, of a rectangle of one gray that hides a part of the image."""
    flips: bool = False
    """Mirror half of the signs whose mirror image is a sign too, and give them its label."""


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained."""

    network: str
    """One of `networks.NETWORKS`."""
    epochs: int
    """Passes over the training images."""
    batch_size: int
    """Images per step, over all GPUs and hosts together."""
    optimizer: str
    """`adam`, or `muon` for kernels, with Adam for everything else."""
    learning_rate: float
    """Highest learning rate of the schedule."""
    schedule: str
    """`constant` or `one-cycle`."""
    weight_decay: float = 0.0
    """Decoupled weight decay: the share of itself, times the learning rate, that a weight loses in a step."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all classes."""
    balance: float = 0.0
    """Oversampling of rare classes: 0 uses every image once, 1 all classes equally often."""
    ema: float = 0.0
    """Share of all steps that the moving average of the weights spans; it is validated and exported. 0: no average."""
    mixed_precision: bool = False
    """Compute in bfloat16 where the hardware has units for it; weights and logits stay float32."""
    augmentation: Augmentation | None = None
    """Random changes of the images; None for no change."""


_BEST = Recipe(
    "multi-scale",
    epochs=24,
    batch_size=128,
    optimizer="muon",
    learning_rate=0.01,
    schedule="one-cycle",
    weight_decay=0.05,
    label_smoothing=0.05,
    balance=0.5,
    ema=0.045,
    mixed_precision=True,
    augmentation=Augmentation(
        rotation=15,
        scale=0.2,
        shift=3,
        shear=0.15,
        perspective=0.2,
        light=0.6,
        contrast=0.7,
        blur=1,
        occlusion=14,
        flips=True,
    ),
)
PRESETS: Mapping[str, Recipe] = MappingProxyType(
    {
        "lenet": Recipe("lenet", 10, 128, "adam", 1e-3, "constant"),
        "quick": Recipe(
            "strided", 1, 64, "muon", 0.03, "one-cycle", weight_decay=0.1, label_smoothing=0.3, mixed_precision=True
        ),
        "fast": replace(_BEST, epochs=10),
        "best": _BEST,
    }
)
"""lenet: the article's network. quick: the most accuracy for its CPU time. fast: human accuracy in minutes.
best: the most accurate small network."""
