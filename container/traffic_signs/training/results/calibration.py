"""Logits and labels of a validation set -> the temperature that makes confidences honest, and how honest they are.

A confidence of 0.9 is honest if nine of ten such predictions are right. Networks are mostly too sure;
dividing their logits by one number, the temperature, corrects that and changes no prediction.

Source of everything here: C. Guo, G. Pleiss, Y. Sun, K. Weinberger: On calibration of modern neural
networks. International Conference on Machine Learning, 2017.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped] # SciPy has no types
from scipy.special import log_softmax  # type: ignore[import-untyped]

_BOUNDS = (0.05, 20.0)


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the T that minimises the negative log-likelihood of softmax(logits / T).

    Where every label has the highest logit, the likelihood only grows as T falls to 0: such a set
    says nothing about T, and the network is left as it is.

    Args:
        logits: float32 [N, C].
        labels: class ids, int [N].

    Returns:
        From 0.05 to 20; 1 if no image is misclassified.
    """
    of_label = logits[np.arange(len(labels)), labels]
    if (of_label >= logits.max(1, initial=-np.inf)).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        shares = log_softmax(logits / np.float32(math.exp(log_temperature)), axis=1)
        return -float(shares[np.arange(len(labels)), labels].mean(dtype=np.float64))

    # convex in 1 / T, so there is one minimum, in log T as well
    found = minimize_scalar(loss, bounds=tuple(map(math.log, _BOUNDS)), method="bounded", options={"xatol": 1e-4})
    return math.exp(found.x)


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of the labels, in nats.

    Args:
        probabilities: float32 [N, C].
        labels: class ids, int [N], N >= 1.
    """
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean())  # a float32 can underflow to 0


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predictions in bins of equal width of their confidence, the highest probability: ((m - 1) / M, m / M]."""

    counts: np.ndarray
    """Predictions in each bin, int [M]."""
    confidence: np.ndarray
    """Their mean confidence, float64 [M]; 0 in an empty bin."""
    accuracy: np.ndarray
    """The share of them that is right, float64 [M]; 0 in an empty bin."""


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> Reliability:
    """Sort the predictions by confidence into *bins* bins: what a reliability diagram shows.

    Args:
        probabilities: float [N, C].
        labels: class ids, int [N].
        bins: M; the paper takes 15.
    """
    confidence = probabilities.max(1).astype(np.float64)
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    some = np.maximum(counts, 1)
    right = (probabilities.argmax(1) == labels).astype(np.float64)
    return Reliability(
        counts,
        np.bincount(bin_of, confidence, minlength=bins) / some,
        np.bincount(bin_of, right, minlength=bins) / some,
    )


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Return the mean distance between confidence and accuracy over the bins, weighted by their predictions.

    Args:
        probabilities: float [N, C].
        labels: class ids, int [N], N >= 1.
        bins: M; the paper takes 15.

    Returns:
        From 0, honest, to 1.
    """
    binned = reliability(probabilities, labels, bins)
    return float(np.average(np.abs(binned.accuracy - binned.confidence), weights=binned.counts))
