"""Values of the command line: KEY=VALUE pairs, hyperparameters, tags, names.

text -> value, or a Failure in the words of the option, before AWS refuses it when other resources exist already
"""

import json
import re
from typing import Any

import click

from scripts.aws.session import PREFIX
from scripts.errors import Failure

_LONGEST_NAME, _LONGEST_KEY, _LONGEST_VALUE = 63, 128, 256
"""Characters of a name in SageMaker, and of a tag's key and value."""


class _RoleArn(click.ParamType[str]):
    """The ARN of an IAM role. Source: RoleArn in the API reference."""

    name = "arn"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value and not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", value, re.ASCII):
            self.fail(f"{value!r} is no ARN of a role, such as arn:aws:iam::111122223333:role/NAME", param, ctx)
        return value

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:  # noqa: ARG002 # click's
        return "docs/iam-and-costs.md has the commands that make a role."


ROLE_ARN = _RoleArn()


def parse_pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Parse KEY=VALUE options.

    Raises:
        Failure: an option has no equals sign or no key, or a key is there twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not (key and separator):
            raise Failure(f"{text!r} is not KEY=VALUE")
        if key in found:
            raise Failure(f"{key} is there twice, with {found[key]!r} and {value!r}: remove one of them")
        found[key] = value
    return found


def parse_values(texts: tuple[str, ...]) -> dict[str, Any]:
    """Parse KEY=VALUE options as hyperparameters: a value that is JSON as JSON, another one as text.

    Raises:
        Failure: as for `parse_pairs`.
    """
    return {key: _value(text) for key, text in parse_pairs(texts).items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_tags(texts: tuple[str, ...]) -> dict[str, str]:
    """Parse KEY=VALUE options as tags. Source: Tag in the API reference.

    Raises:
        Failure: as for `parse_pairs`; AWS would refuse a tag, when other resources exist already.
    """
    found = parse_pairs(texts)
    for key, value in found.items():
        rest = re.sub(r"[\w\s.:/=+@-]", "", key + value)
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE or rest or key.lower().startswith("aws:"):
            raise Failure(
                f"--tag {key}={value}: AWS takes keys of {_LONGEST_KEY} and values of {_LONGEST_VALUE} characters, of"
                " letters, digits, spaces and _.:/=+-@, and no key that begins with aws:"
            )
    return found


def require_name(name: str, option: str, added: str = "") -> None:
    """Reject a name that SageMaker would refuse, or that policies and inventory of this project would not match.

    Args:
        name: What the user chose.
        option: Its option, for the message.
        added: What is appended to it for another resource.

    Raises:
        Failure: the name is too long, has other characters or does not begin with PREFIX.
    """
    longest = _LONGEST_NAME - len(added)
    if len(name) > longest or not re.fullmatch(rf"{PREFIX}(-+[a-zA-Z0-9]+)*", name):
        raise Failure(
            f"{option} {name}: expected {PREFIX} or {PREFIX}-..., with at most {longest} letters, digits and hyphens,"
            " and no hyphen at the end"
        )
