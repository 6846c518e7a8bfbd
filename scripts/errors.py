"""Errors that end a command with one line for people."""

import click


class Failure(click.ClickException):
    """Ends the command with one line and exit code 2."""

    exit_code = 2


class Refused(Failure):
    """The endpoint was reached, and answered a request with an error."""
