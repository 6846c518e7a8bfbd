"""The edge to SageMaker's training toolkit: its command `train` calls `main` in its own process.

Set by SAGEMAKER_TRAINING_MODULE in the image. Being in the toolkit's process, the job gets
SIGTERM and its failures keep their text; two traps of that process are closed here:
- the toolkit reports success after SystemExit, and after an OSError without a number;
- it writes a traceback's first lines to the failure file, of which the platform shows the first
  1,024 characters: the message, which comes last, would be lost.
"""

import logging
import traceback

from sagemaker_training import entry_point, environment, errors, params, runner

from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.settings import TrainingSettings
from traffic_signs.training.hosts import Hosts, Lead, follow

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the job: the user's own program where the Estimator has an `entry_point`, else ours.

    Raises:
        sagemaker_training.errors.ClientError: on any failure; its text becomes the failure file,
            the message first.
    """
    try:
        toolkit = environment.Environment()
        if toolkit.user_entry_point:
            _run_user_program(toolkit)
        else:
            _run_job()
    except TrafficSignsError as error:
        raise errors.ClientError(str(error)) from error
    except errors.ClientError:
        raise
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
        raise errors.ClientError(message) from error


def _run_job() -> None:
    paths = OptMl.from_environment()
    hosts = Hosts.from_file(paths.resource_config)
    if hosts.current != hosts.chief:
        follow(hosts)
        return
    lead = Lead(hosts)
    settings = TrainingSettings.from_file(paths.hyperparameters)
    from traffic_signs.training import channels  # noqa: PLC0415 - a wrong setting is told without loading anything

    training, validation = channels.load(paths, settings)
    from traffic_signs.training import job  # noqa: PLC0415 - a wrong channel is told before TensorFlow's seconds

    job.run(paths, settings, training, validation)
    lead.done()


def _run_user_program(toolkit: environment.Environment) -> None:
    """Do what the toolkit does when no module is set (its trainer.train)."""
    _log.info("running %s in place of the built-in program", toolkit.user_entry_point)
    mpi = toolkit.additional_framework_parameters.get(params.MPI_ENABLED)
    entry_point.run(
        toolkit.module_dir,
        toolkit.user_entry_point,
        toolkit.to_cmd_args(),
        toolkit.to_env_vars(),
        runner_type=runner.RunnerType.MPI if mpi else runner.RunnerType.Process,
        capture_error=True,
    )
