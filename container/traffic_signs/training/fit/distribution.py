"""Distribution strategy for the GPUs of all hosts, and the floating-point precision of training.

    one device     TensorFlow's default strategy: everything below is the identity
    several GPUs   MirroredStrategy: a replica on each, gradients summed over NCCL
    several hosts  MultiWorkerMirroredStrategy: the same over all replicas of all hosts

This is synchronous data parallelism: every replica takes its share of the same global batch. N
replicas take the same steps as one, up to the randomness of augmentation and dropout. The batch
size of a recipe is therefore the global one, and its learning rate is valid for any number of
replicas. To give each replica a full batch, raise both in proportion: the linear scaling rule of
P. Goyal et al.: Accurate, large minibatch SGD. arXiv:1706.02677, 2017.
"""

import contextlib
import signal
from collections.abc import Iterator

import keras
import tensorflow as tf

from traffic_signs.errors import HostsError
from traffic_signs.model import instructions
from traffic_signs.training.fit.cluster import PORT
from traffic_signs.training.fit.hosts import Hosts


def strategy(hosts: Hosts, port: int = PORT + 1) -> tf.distribute.Strategy:
    """Return the strategy for all GPUs of all *hosts*; wait until every host has called this function.

    Call it from the main thread, before TensorFlow computes anything.

    Args:
        hosts: hosts of the job.
        port: port of the first host. Each further host listens on the next one, so that hosts may
            also be processes of one machine.
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
        sigterm_handler = signal.getsignal(signal.SIGTERM)
        multi_worker = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        # TensorFlow's cluster replaces the handler of SIGTERM; with its own the job would not stop
        signal.signal(signal.SIGTERM, sigterm_handler)
        return multi_worker
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


@contextlib.contextmanager
def host_loss_as_error() -> Iterator[None]:
    """Convert the exceptions that TensorFlow raises when a host is lost.

    Raises:
        HostsError: a collective was aborted, or the cluster did not come up.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
            tf.errors.DeadlineExceededError, tf.errors.InternalError) as error:  # fmt: skip
        raise HostsError(f"another host was lost; see its log ({type(error).__name__})") from error


def choose_precision(mixed: bool) -> str:
    """Set and return Keras's dtype policy: mixed_bfloat16 if *mixed* and the hardware has units for it, else float32.

    GPUs of compute capability 8.0 (Ampere) and later have them, and CPUs with AVX-512 BF16 or AMX. bfloat16 has the
    range of float32, so the loss needs no scaling, as float16 would. Weights and logits are float32 in either case.
    """
    gpus = tf.config.list_physical_devices("GPU")
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    units = min(capabilities) >= (8, 0) if gpus else instructions.has_bfloat16()
    policy = "mixed_bfloat16" if mixed and units else "float32"
    keras.config.set_dtype_policy(policy)
    return policy
