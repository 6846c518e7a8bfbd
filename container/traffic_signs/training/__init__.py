"""The training program: arrays in a channel -> a trained, exported and reported model."""

import os

# TensorFlow leaves oneDNN off on some CPUs, where it makes training much cheaper.
# It must be said before TensorFlow is imported, so here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# TensorFlow's informational lines would bury the job's own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
