"""Training program: images or arrays in a channel -> a trained model, its exports and its report."""

import os

# TensorFlow leaves oneDNN off on some CPUs, where it makes training much cheaper.
# The variable must be set before TensorFlow is imported, so it is set here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# TensorFlow's informational lines would hide the job's own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
