"""One tree of errors; what the reader gets to see lives on the class.

A job that fails with one of these writes the message alone to its failure file; a request
answers `status` with the message as JSON. Everything else is a bug: its traceback goes to the
log, the client of an endpoint sees a plain 500.

    TrafficSignsError
    ├── SettingsError    a hyperparameter or an environment variable
    ├── DataError        a data set or an input channel
    ├── HostsError       the hosts of one training job
    ├── CheckpointError  a checkpoint of a training job
    ├── ExportError      the exported model does not answer like the trained one
    ├── ArtifactError    a model directory
    ├── NotLoadedError      404, a model of many that nobody has loaded
    ├── AlreadyLoadedError  409
    ├── MemoryShortError    507
    ├── HooksError       the code that a model brings along
    ├── OverloadError       503, with Retry-After
    └── RequestError     400
        ├── ImageError             400, and named and counted when a data set is read
        ├── NotAcceptableError     406
        ├── TooLargeError          413
        ├── UnsupportedMediaError  415
        ├── LeftError              499, the client has closed the connection
        └── TransferEncodingError  501
"""


class TrafficSignsError(Exception):
    """The root: every failure that has a message for the person who caused it."""

    status = 500


class SettingsError(TrafficSignsError):
    """A setting is unknown or has a value that cannot be used; the message names both."""


class DataError(TrafficSignsError):
    """A data set or an input channel cannot be used."""


class HostsError(TrafficSignsError):
    """The hosts of a training job are not named, not found, or have lost each other."""


class CheckpointError(TrafficSignsError):
    """A checkpoint is damaged, or of another training than the one that is to go on."""


class ExportError(TrafficSignsError):
    """The exported model does not answer like the trained one."""


class ArtifactError(TrafficSignsError):
    """A model directory is missing, incomplete or of another format."""


class NotLoadedError(TrafficSignsError):
    """A model of a multi-model endpoint is not loaded, or there is none where it should be."""

    status = 404


class AlreadyLoadedError(TrafficSignsError):
    """A model of a multi-model endpoint is loaded already, or not quite unloaded."""

    status = 409


class MemoryShortError(TrafficSignsError):
    """There is no memory for a further model; the platform unloads others when it sees the status."""

    status = 507


class HooksError(TrafficSignsError):
    """The code that a model brings along cannot be used, or refused a request in words of its own."""


class OverloadError(TrafficSignsError):
    """Too many requests are queued; the client should ask again in a second."""

    status = 503

    def __init__(self, text: str = "too many requests are queued; try again in a second") -> None:
        super().__init__(text)


class RequestError(TrafficSignsError):
    """The client sent something that cannot be answered."""

    status = 400


class ImageError(RequestError):
    """Bytes that are no usable image, or pixels of the wrong shape or range."""


class NotAcceptableError(RequestError):
    """The client accepts none of the formats that predictions come in."""

    status = 406


class UnsupportedMediaError(RequestError):
    """The body is in a format that the endpoint does not read."""

    status = 415


class TooLargeError(RequestError):
    """The body, or what it unpacks to, is larger than the payload limit."""

    status = 413

    def __init__(self, limit: int) -> None:
        """Name the *limit*, in bytes, and the variable that sets it."""
        super().__init__(f"the body is larger than {limit // 2**20} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)")


class LeftError(RequestError):
    """The client closed the connection before it had its answer; 499 is nginx's status for it."""

    status = 499


class TransferEncodingError(RequestError):
    """The body comes in a transfer encoding other than chunked."""

    status = 501
