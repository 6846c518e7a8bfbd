"""Entry point of a training job for SageMaker's training toolkit.

    `train` -> __main__, the toolkit -> main -> the Estimator's entry_point, if it has one
                                             -> settings, cluster, channels -> job.run

The toolkit calls `main` in its own process, because the image sets SAGEMAKER_TRAINING_MODULE. So the
job receives SIGTERM and its errors keep their text. `main` works around two faults of the toolkit:
- it reports success after SystemExit, and after an OSError without an errno;
- it starts the failure file with the traceback, and the platform shows only the first 1,024
  characters: the message, which comes last, would be lost.
"""

import logging
import signal
import threading
import traceback
from dataclasses import replace

from sagemaker_training import entry_point, environment, errors, params, runner

from traffic_signs.errors import SettingsError, TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training.fit.cluster import Cluster
from traffic_signs.training.fit.hosts import Hosts
from traffic_signs.training.recipe.presets import PRESETS, Recipe

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the user's program if the Estimator has an `entry_point`, else the built-in one.

    Raises:
        sagemaker_training.errors.ClientError: on any failure; its text becomes the failure file,
            the message first.
    """
    # without this folder the toolkit cannot write the failure file, and reports success
    OptMl.from_environment().output_data.mkdir(parents=True, exist_ok=True)
    try:
        toolkit = environment.Environment()
        if toolkit.user_entry_point:
            _run_user_program(toolkit)
        else:
            _run_built_in_program()
    except TrafficSignsError as error:
        raise errors.ClientError(str(error)) from error
    except errors.ClientError:
        raise
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
        raise errors.ClientError(message) from error


def _run_built_in_program() -> None:
    # graceful shutdown: after SIGTERM the weights so far become the model
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    paths = OptMl.from_environment()
    hosts = Hosts.from_file(paths.resource_config)
    settings = TrainingSettings.from_file(paths.hyperparameters)
    recipe = _recipe_from_settings(settings)
    cluster = Cluster(hosts, stop)
    from traffic_signs.training import channels  # noqa: PLC0415 - a wrong setting is reported before anything is loaded

    training, validation = channels.load(paths, settings)
    from traffic_signs.training import job  # noqa: PLC0415 - a wrong channel is reported before TensorFlow is loaded

    job.run(paths, settings, recipe, training, validation, cluster=cluster, stop=stop)
    cluster.leave()


def _recipe_from_settings(settings: TrainingSettings) -> Recipe:
    """Return the preset's recipe, with the fields that the settings replace."""
    if settings.preset not in PRESETS:
        raise SettingsError(f"hyperparameter preset = {settings.preset!r}; expected one of {', '.join(PRESETS)}")
    names = ("epochs", "batch_size", "learning_rate")
    replaced = {name: value for name in names if (value := getattr(settings, name)) is not None}
    return replace(PRESETS[settings.preset], **replaced)


def _run_user_program(toolkit: environment.Environment) -> None:
    """Run the user's program as the toolkit does when no module is set (its trainer.train)."""
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
