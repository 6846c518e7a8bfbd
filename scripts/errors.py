"""Errors that end a command with a one-line message."""

import click


class Failure(click.ClickException):
    """An error that ends the command with one line and exit code 2."""

    exit_code = 2


class Interrupted(Failure):
    """Ctrl-C; the message says what exists."""

    exit_code = 130


class EndpointError(Failure):
    """An error that the endpoint returned for a request."""
