"""Parsers for options of the form KEY=VALUE.

("epochs=3", "optimizer=adam")  ->  texts  ->  {"epochs": "3", "optimizer": "adam"}
                                ->  values ->  {"epochs": 3, "optimizer": "adam"}
"""

import json

import click


def texts(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Split the options into keys and values, as a click callback.

    Raises:
        click.BadParameter: an option has no key or no equals sign.
    """
    split = [text.partition("=") for text in given]
    for text, (key, separator, _value) in zip(given, split, strict=True):
        if not key or not separator:
            raise click.BadParameter(f"{text!r}; expected {parameter.metavar}")
    return {key: value for key, _separator, value in split}


def values(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, object]:
    """Split the options and parse each value as JSON, or keep it as text, as a click callback.

    A number stays a number, which SDK v2 sends without quotes; '"3"' is the text 3.

    Raises:
        click.BadParameter: an option has no key or no equals sign.
    """
    return {key: _value(text) for key, text in texts(context, parameter, given).items()}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
