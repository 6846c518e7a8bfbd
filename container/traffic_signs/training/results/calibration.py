"""Calibration: temperature scaling, and the metrics that show its effect.

    logits and labels of the validation set -> temperature -> reliability, expected calibration error

A confidence of 0.9 is calibrated if nine of ten such predictions are correct. Networks are mostly
overconfident. Dividing their logits by one number, the temperature, corrects that and changes no
prediction.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger: On calibration of modern neural networks.
International Conference on Machine Learning, 2017.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped] # SciPy has no types
from scipy.special import log_softmax  # type: ignore[import-untyped]

_BOUNDS = (0.05, 20.0)


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the T that minimises the negative log-likelihood of softmax(logits / T).

    If every label has the highest logit, the likelihood keeps growing as T falls to 0. Such a set
    does not determine T, so the result is 1.

    Args:
        logits: float32 [N, C].
        labels: class ids, int [N].

    Returns:
        T from 0.05 to 20; 1 if no image is misclassified.
    """
    label_logits = logits[np.arange(len(labels)), labels]
    if (label_logits >= logits.max(1, initial=-np.inf)).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(logits / np.float32(math.exp(log_temperature)), axis=1)
        return -float(log_probabilities[np.arange(len(labels)), labels].mean(dtype=np.float64))

    # the loss is convex in 1 / T, so it has a single minimum in log T as well
    result = minimize_scalar(loss, bounds=tuple(map(math.log, _BOUNDS)), method="bounded", options={"xatol": 1e-4})
    return math.exp(result.x)


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of the labels, in nats.

    Args:
        probabilities: float32 [N, C].
        labels: class ids, int [N], N >= 1.
    """
    label_probabilities = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    smallest = np.finfo(np.float32).tiny  # a float32 probability can underflow to 0
    return float(-np.log(np.maximum(label_probabilities, smallest)).mean())


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predictions in M bins of equal width of their confidence, the highest probability: ((m - 1) / M, m / M]."""

    counts: np.ndarray
    """Number of predictions in each bin, int [M]."""
    confidence: np.ndarray
    """Mean confidence in each bin, float64 [M]; 0 in an empty bin."""
    accuracy: np.ndarray
    """Share of correct predictions in each bin, float64 [M]; 0 in an empty bin."""


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> Reliability:
    """Group the predictions by confidence into *bins* bins, as a reliability diagram shows them.

    Args:
        probabilities: float [N, C].
        labels: class ids, int [N].
        bins: M; the paper uses 15.
    """
    confidence = probabilities.max(1).astype(np.float64)
    bin_indices = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(bin_indices, minlength=bins)
    divisors = np.maximum(counts, 1)
    correct = (probabilities.argmax(1) == labels).astype(np.float64)
    return Reliability(
        counts,
        np.bincount(bin_indices, confidence, minlength=bins) / divisors,
        np.bincount(bin_indices, correct, minlength=bins) / divisors,
    )


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Return the mean difference between confidence and accuracy over the bins, weighted by their predictions.

    Args:
        probabilities: float [N, C].
        labels: class ids, int [N], N >= 1.
        bins: M; the paper uses 15.

    Returns:
        From 0, perfectly calibrated, to 1.
    """
    binned = reliability(probabilities, labels, bins)
    return float(np.average(np.abs(binned.accuracy - binned.confidence), weights=binned.counts))
