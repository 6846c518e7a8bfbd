"""Inference hooks as users add them to a model, for test_hooks."""

EVERY_HOOK = """
import json
import sys
import time
from helper import SCALE  # a module beside it

from sagemaker_inference import decoder, errors


def model_fn(model_dir, context):
    return {"dir": model_dir, "scale": SCALE}


def input_fn(data, content_type):
    if content_type == "application/json":
        return json.loads(data)["values"]
    if content_type == "application/x-npy":
        return decoder.decode(data, content_type).tolist()
    raise errors.UnsupportedFormatError(content_type)


def predict_fn(data, model):
    if data == "teapot":
        raise errors.BaseInferenceToolkitError(418, "a teapot, as was asked for", "teapot")
    if data == "nap":
        time.sleep(5)  # longer than two patient pings
        return []
    if data == "exit":
        sys.exit(3)
    return [value * model["scale"] for value in data]


def output_fn(prediction, accept):
    if accept == "text/plain":
        return " ".join(map(str, prediction)), "text/plain"
    return json.dumps(prediction)
"""

ONLY_PREDICT = """
import numpy as np


def predict_fn(data, model):
    assert (data.dtype, data.shape[1:]) == (np.uint8, (32, 32, 1)), (data.dtype, data.shape)
    assert type(model).__name__ == "Predictor"
    if data.max() == 0:
        return {"dark": len(data)}
    if data.min() == 255:
        raise RuntimeError("secret words of a bug")
    return model.predict(data)[:, ::-1]
"""

TRANSFORM = """
def model_fn(model_dir):
    return None


def transform_fn(model, data, content_type, accept, context):
    return f"{content_type} {len(data)} {accept} {context.get_request_header(0, 'X-Own')}".encode(), "text/plain"
"""

BROKEN = {
    "syntax": ("def model_fn(:\n", "inference.py, line 1: SyntaxError: "),
    "import": ("\nimport not_there\n", "inference.py, line 2: ModuleNotFoundError: No module named 'not_there'"),
    "no function": ("def model(): pass\n", "inference.py defines none of model_fn, input_fn, predict_fn"),
    "arguments": ("def model_fn(): pass\n", "inference.py: model_fn takes 0 arguments; expected 1"),
    "both": (
        "def transform_fn(a, b, c, d): pass\ndef input_fn(a, b): pass\ndef model_fn(a): pass\n",
        "Cannot use transform_fn",
    ),
    "model_fn raises": (
        "def model_fn(model_dir):\n    raise OSError('no weights\\nin it')\n",
        "inference.py, line 2: OSError: no weights in it",
    ),
    "model_fn leaves": (
        "import sys\ndef model_fn(model_dir):\n    sys.exit(3)\n",
        "inference.py, line 3: SystemExit: 3",
    ),
}
"""Kind -> program, and its error in the log."""
