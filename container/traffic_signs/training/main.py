"""The edge to SageMaker's training toolkit: its command `train` calls `main` in its own process.

Set by SAGEMAKER_TRAINING_MODULE in the image. Being in the toolkit's process, the job gets
SIGTERM and its failures keep their text; two traps of that process are closed here:
- the toolkit reports success after SystemExit, and after an OSError without a number;
- it writes a traceback's first lines to the failure file, of which the platform shows the first
  1,024 characters: the message, which comes last, would be lost.
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
from traffic_signs.training.fit.cluster import Hosts, Link
from traffic_signs.training.recipe.presets import PRESETS, Recipe

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the job: the user's own program where the Estimator has an `entry_point`, else ours.

    Raises:
        sagemaker_training.errors.ClientError: on any failure; its text becomes the failure file,
            the message first.
    """
    # where it is missing, the toolkit cannot write the failure file and reports success
    OptMl.from_environment().output_data.mkdir(parents=True, exist_ok=True)
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
    # from here on SIGTERM is a wish: what has been learnt until then becomes the model
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    paths = OptMl.from_environment()
    hosts = Hosts.from_file(paths.resource_config)
    settings = TrainingSettings.from_file(paths.hyperparameters)
    recipe = _recipe(settings)
    link = Link(hosts, stop)
    from traffic_signs.training import channels  # noqa: PLC0415 - a wrong setting is told without loading anything

    training, validation = channels.load(paths, settings)
    from traffic_signs.training import job  # noqa: PLC0415 - a wrong channel is told before TensorFlow's seconds

    job.run(paths, settings, recipe, training, validation, link=link, stop=stop)
    link.leave()


def _recipe(settings: TrainingSettings) -> Recipe:
    """Take the preset's recipe, with what the settings say otherwise."""
    if settings.preset not in PRESETS:
        raise SettingsError(f"hyperparameter preset = {settings.preset!r}; expected one of {', '.join(PRESETS)}")
    names = ("epochs", "batch_size", "learning_rate")
    given = {name: value for name in names if (value := getattr(settings, name)) is not None}
    return replace(PRESETS[settings.preset], **given)


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
