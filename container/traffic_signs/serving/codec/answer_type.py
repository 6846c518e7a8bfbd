"""Default content type of a response, for clients that accept any."""

from sagemaker_inference import content_types

from traffic_signs.serving.codec.media_types import ALIASES, JSON_LINES
from traffic_signs.settings.serving import ServingSettings

_LINES: tuple[str, ...] = (content_types.CSV, JSON_LINES)


def default_content_type(settings: ServingSettings, content_type: str) -> str:
    """Return JSON, or in a batch transform job the lines of the request's type, which can be concatenated."""
    if not settings.batch:
        return str(content_types.JSON)
    content_type = ALIASES.get(content_type, content_type)
    return content_type if content_type in _LINES else str(content_types.JSON)
