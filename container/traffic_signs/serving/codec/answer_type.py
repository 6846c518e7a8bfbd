"""The content type of an answer that no client asks for."""

from sagemaker_inference import content_types

from traffic_signs.serving.codec.decoding import JSON_LINES
from traffic_signs.settings.serving import ServingSettings

_LINES = (content_types.CSV, JSON_LINES)


def default_content_type(settings: ServingSettings, content_type: str) -> str:
    """Return the form of an answer that nobody asks for: in a job lines for lines, which can be joined."""
    return content_type if settings.batch and content_type in _LINES else content_types.JSON
