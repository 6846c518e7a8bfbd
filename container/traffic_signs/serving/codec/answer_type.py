"""Default content type of a response, for clients that accept any."""

from sagemaker_inference import content_types

from traffic_signs.serving.codec.media_types import ALIASES, JSON_LINES
from traffic_signs.settings.serving import ServingSettings

_LINES: tuple[str, ...] = (content_types.CSV, JSON_LINES)


def default_content_type(settings: ServingSettings, content_type: str) -> str:
    """Return JSON, or in a batch transform job the lines of the request's type, which can be concatenated."""
    lines = ALIASES.get(content_type, content_type) if settings.batch else ""
    return lines if lines in _LINES else content_types.JSON
