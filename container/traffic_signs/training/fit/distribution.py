"""Hosts and their GPUs -> the strategy that trains on all of them at once, and the numbers it computes in.

    one device     TensorFlow's default strategy: everything below is the identity
    several GPUs   MirroredStrategy: a replica each, gradients summed over NCCL
    several hosts  MultiWorkerMirroredStrategy: the same over all replicas of all hosts

It is synchronous data parallelism: every replica takes its share of the same global batch, so N
replicas take the steps that one would, up to the augmentation's and dropout's randomness. The
batch size of a recipe is therefore the global one, and its learning rate holds for any number of
replicas. Who wants each replica to have a full batch raises both in proportion: the linear scaling
rule of P. Goyal et al.: Accurate, large minibatch SGD. arXiv:1706.02677, 2017.
"""

import contextlib
import signal
from collections.abc import Iterator

import keras
import tensorflow as tf

from traffic_signs.errors import HostsError
from traffic_signs.training.fit.cluster import PORT, Hosts


def strategy(hosts: Hosts, port: int = PORT + 1) -> tf.distribute.Strategy:
    """Return the strategy for all GPUs of all *hosts*; waits until every host has called it.

    Must be called from the main thread, before TensorFlow computes anything.

    Args:
        hosts: who takes part.
        port: the first host's; the one after it listens on the next, and so on, so that hosts
            may also be processes of one machine.
    """
    if len(hosts.names) > 1:
        addresses = [f"{name}:{port + index}" for index, name in enumerate(hosts.names)]
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": addresses}),
            task_type="worker",
            task_id=hosts.names.index(hosts.current),
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
            rpc_layer="grpc",
        )
        ours = signal.getsignal(signal.SIGTERM)
        made = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        # TensorFlow's cluster has taken the signal for itself, to no use of ours: the job would not stop
        signal.signal(signal.SIGTERM, ours)
        return made
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


@contextlib.contextmanager
def lost_hosts() -> Iterator[None]:
    """Turn what TensorFlow raises when a host is lost into an error for people.

    Raises:
        HostsError: a collective was aborted, or the cluster did not come up.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
            tf.errors.DeadlineExceededError, tf.errors.InternalError) as error:  # fmt: skip
        raise HostsError(f"another host was lost, its log says why ({type(error).__name__})") from error


def choose_precision() -> str:
    """Set and return Keras's policy: mixed_bfloat16 if every GPU has units for it, else float32.

    These are GPUs of compute capability 8.0 (Ampere) and later. bfloat16 has float32's range, so the loss
    needs no scaling, as float16 would. Weights and logits are float32 in either case.
    """
    gpus = tf.config.list_physical_devices("GPU")
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    policy = "mixed_bfloat16" if min(capabilities, default=(0, 0)) >= (8, 0) else "float32"
    keras.config.set_dtype_policy(policy)
    return policy
