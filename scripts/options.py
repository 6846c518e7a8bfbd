"""What every command has: --json, --dry-run, the exit codes, and one line for Ctrl-C.

@click.command(cls=Command) -> main calls `result` -> one JSON document on standard output with --json
"""

import contextlib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import click

from scripts import dry_run, interruption
from scripts.errors import Interrupted

_DOCUMENT = f"{__name__}.document"


class Command(click.Command):
    """A command with --json and, if it changes something in AWS, --dry-run.

    With either, standard output has nothing but JSON: everything else that is printed goes to standard error.

    Args:
        changes_aws: Whether to add --dry-run.
    """

    def __init__(self, *arguments: Any, changes_aws: bool = False, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        if changes_aws:
            words = "Print the requests that would change something, as JSON lines, and send none of them."
            self.params.append(click.Option(["--dry-run", "dry_run"], is_flag=True, help=words))
        words = "Print the result as one JSON object; all else goes to standard error."
        self.params.append(click.Option(["--json", "as_json"], is_flag=True, help=words))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line; reject values that no option has a use for.

        Raises:
            click.BadParameter: an empty text, as of a shell's unset variable; nan or inf.
        """
        as_json = "--json" in args  # click takes the words out
        try:
            rest = super().parse_args(ctx, args)
            for parameter in () if ctx.resilient_parsing else self.params:
                _require_usable(ctx, parameter)
        except click.ClickException as error:
            if as_json:
                click.echo(json.dumps({"error": error.format_message()}, ensure_ascii=False))
            raise
        return rest

    def invoke(self, context: click.Context) -> None:
        """Run the command; print its document even if it fails.

        Raises:
            Interrupted: Ctrl-C, where the command has nothing to say about what exists.
        """
        as_json, dry = context.params.pop("as_json"), context.params.pop("dry_run", False)
        document: dict[str, Any] = context.meta.setdefault(_DOCUMENT, {})
        stdout = sys.stdout
        if dry:
            recorder = dry_run.start(context, None if as_json else stdout)
            document |= {"dry_run": True, "requests": recorder.requests}

        def print_document(error: str = "") -> None:
            document.update({"error": error} if error else {})
            if as_json:
                click.echo(json.dumps(document, ensure_ascii=False, default=str), file=stdout)

        redirected = contextlib.redirect_stdout(sys.stderr if as_json or dry else stdout)
        with redirected, interruption.tells(print_document):
            try:
                super().invoke(context)
            except dry_run.Over:
                pass
            except click.ClickException as error:
                document["error"] = error.format_message()
                raise
            except (KeyboardInterrupt, click.Abort) as error:
                document["error"] = "interrupted; nothing was created or changed"
                raise Interrupted(document["error"]) from error
            except Exception as error:
                document["error"] = f"{type(error).__name__}: {error}"
                raise
            finally:
                print_document()


def _require_usable(context: click.Context, parameter: click.Parameter) -> None:
    given = context.params.get(parameter.name or "")
    values = given.values() if isinstance(given, Mapping) else given if isinstance(given, tuple) else (given,)
    if context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.DEFAULT:
        return
    for value in values:
        if value == "":
            raise click.BadParameter("it is empty: give it a value, or omit it", context, parameter)
        if isinstance(value, float) and not math.isfinite(value):
            raise click.BadParameter(f"{value} is no finite number", context, parameter)


def result(**fields: Any) -> dict[str, Any]:
    """Add *fields* to the document that --json prints, and return it; call it as soon as they are known."""
    document: dict[str, Any] = click.get_current_context().meta.setdefault(_DOCUMENT, {})
    document.update(fields)
    return document
