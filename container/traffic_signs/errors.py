"""Exception hierarchy for errors that a user can act on.

A job that fails with one of these writes only the message to its failure file. A request that
fails with one gets `status` and the message as JSON. Any other exception is a bug: its traceback
goes to the log, and the client of an endpoint gets a plain 500.

    TrafficSignsError
    ├── SettingsError            a hyperparameter or an environment variable
    ├── DataError                a data set or an input channel
    │   └── BoxError             a box of an image that is not within it
    ├── HostsError               the hosts of one training job
    ├── CheckpointError          a checkpoint of a training job
    ├── ExportError              an exported model whose predictions differ from the trained one's
    ├── ArtifactError            a model directory
    ├── NotLoadedError           404, a model of a multi-model endpoint that is not loaded
    ├── AlreadyLoadedError       409
    ├── OutOfMemoryError         507
    ├── HooksError               the user's code in a model
    ├── OverloadError            503, with Retry-After
    └── RequestError             400
        ├── ImageError               400; when a data set is read, the file is logged and skipped
        ├── NotAcceptableError       406
        ├── TooLargeError            413
        ├── UnsupportedMediaError    415
        ├── DisconnectedError        499
        └── TransferEncodingError    501
"""


class TrafficSignsError(Exception):
    """Root of all failures whose message tells the user what to do."""

    status = 500


class SettingsError(TrafficSignsError):
    """A setting is unknown or its value is invalid; the message names both."""


class DataError(TrafficSignsError):
    """A data set or an input channel cannot be used."""


class BoxError(DataError):
    """A box does not say which part of its image is meant."""


class HostsError(TrafficSignsError):
    """The hosts of a training job are not named, not reachable, or lost."""


class CheckpointError(TrafficSignsError):
    """A checkpoint is damaged, or belongs to another training than the one that resumes."""


class ExportError(TrafficSignsError):
    """The predictions of the exported model differ from those of the trained one."""


class ArtifactError(TrafficSignsError):
    """A model directory is missing, incomplete or of another format."""


class NotLoadedError(TrafficSignsError):
    """A model of a multi-model endpoint is not loaded, or its folder has no model."""

    status = 404


class AlreadyLoadedError(TrafficSignsError):
    """A model of a multi-model endpoint is already loaded, or still being unloaded."""

    status = 409


class OutOfMemoryError(TrafficSignsError):
    """There is no memory for another model; on this status the platform unloads others."""

    status = 507


class HooksError(TrafficSignsError):
    """The user's code in a model cannot be used, or refused a request with its own message."""


class OverloadError(TrafficSignsError):
    """Too many requests are queued; the client should retry after a second."""

    status = 503

    def __init__(self, text: str = "too many requests are queued; try again in a second") -> None:
        super().__init__(text)


class RequestError(TrafficSignsError):
    """The client sent an invalid request."""

    status = 400

    def __init__(self, message: str = "", quoted: tuple[str, ...] = ()) -> None:
        """Take the message for the client, and the parts of it that are *quoted* from the body.

        The log leaves those out, because what a body holds may be private.
        """
        super().__init__(message)
        self.quoted = quoted


class ImageError(RequestError):
    """The bytes are not a readable image, or the pixels have the wrong shape or range."""


class NotAcceptableError(RequestError):
    """The client accepts none of the formats of predictions."""

    status = 406


class UnsupportedMediaError(RequestError):
    """The body has a format that the endpoint does not read."""

    status = 415


class TooLargeError(RequestError):
    """The body is larger than the payload limit, before or after decompression."""

    status = 413

    def __init__(self, limit: int) -> None:
        """Build the message from the *limit* in bytes and the variable that sets it."""
        super().__init__(f"the body is larger than {limit // 2**20} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)")


class DisconnectedError(RequestError):
    """The client closed the connection before the answer; nginx uses the status 499 for it."""

    status = 499


class TransferEncodingError(RequestError):
    """The body has a transfer encoding other than chunked."""

    status = 501
