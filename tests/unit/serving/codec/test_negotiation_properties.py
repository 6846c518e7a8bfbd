"""Whatever a client sends as Accept and custom attributes, its answer has a form, or one refusal says why not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import CSV, JSON, LINES, NPY
from traffic_signs.errors import NotAcceptableError, RequestError
from traffic_signs.serving.codec import negotiation
from traffic_signs.serving.codec.negotiation import ResponseFormat

OFFERED = (JSON, LINES, CSV, NPY)
RANGES = (*OFFERED, "application/*", "text/*", "*/*", "image/png", "text/html")
QUALITIES = ("0", "0.0", "0.001", "0.3", "0.75", "0.999", "1", "1.000")
HEADER = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=80)
"""As a server hands over a header: Latin-1."""
WORDS = st.sampled_from(
    (
        "top_k",
        "probabilities",
        "stream",
        "topk",
        "=",
        ",",
        ";",
        " ",
        "3",
        "0",
        "44",
        "true",
        "false",
        *OFFERED,
        "*/*",
        "q=",
    )
)


def quality(offered: str, accepted: dict[str, str]) -> float:
    """What RFC 9110, section 12.5.1, gives an offered type: the most specific range decides."""
    ranges = (offered, offered.partition("/")[0] + "/*", "*/*")
    return next((float(accepted[name]) for name in ranges if name in accepted), 0.0)


@given(
    st.dictionaries(st.sampled_from(RANGES), st.sampled_from(QUALITIES), min_size=1),
    st.sampled_from(OFFERED),
    st.randoms(),
)
def test_the_answer_has_a_type_of_the_greatest_quality(accepted: dict[str, str], default: str, random: Any) -> None:
    items = list(accepted.items())
    random.shuffle(items)
    header = ", ".join(f"{name};q={text}" for name, text in items)
    qualities = {offered: quality(offered, accepted) for offered in OFFERED}
    if not any(qualities.values()):
        with pytest.raises(NotAcceptableError):
            negotiation.negotiate(header, "", 43, default)
    else:
        chosen = negotiation.negotiate(header, "", 43, default).content_type
        assert qualities[chosen] == max(qualities.values())


@given(
    HEADER | st.lists(WORDS).map("".join),
    HEADER | st.lists(WORDS).map("".join),
    st.integers(2, 43),
    st.sampled_from(OFFERED),
)
def test_any_text_gives_a_form_that_can_be_answered_or_one_refusal(
    accept: str, attributes: str, classes: int, default: str
) -> None:
    try:
        form = negotiation.negotiate(accept, attributes, classes, default)
    except RequestError as error:
        refusal = error
        assert 0 < len(str(refusal)) < 600
        assert refusal.status in (400, 406)
    else:
        assert form.content_type in OFFERED
        assert form.top_k is None or 1 <= form.top_k <= classes
        assert form.content_type in (JSON, LINES) or form == ResponseFormat(form.content_type)
        assert form.content_type == LINES or not form.stream
