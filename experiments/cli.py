"""The command line: `deepx`. Each command is a small module of `experiments.commands`."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click

from experiments.faults import (
    DONE,
    INTERRUPTED,
    NO,
    NOT_UNDERSTOOD,
    AnswerIsNo,
    InputFault,
    one_line,
)

COMMANDS = {
    "reproduce": "the abstract's evaluation, both SoCs and models, against all baselines",
    "infer": "one request: planned, simulated and, on request, verified on real tensors",
    "plan": "the plan without running it, and why it is as it is",
    "compare": "several planners on one request, one table",
    "sweep": "many cases from one YAML, resumed after any interruption",
    "stream": "requests coming in on a living device, under policies compared",
    "import": "a trained network's ONNX file as a model with its own weights",
    "list": "socs, hosts, links, models, planners, experiments",
    "show": "one of them, every figure with its source",
    "check": "validate YAML files, all faults at once",
    "schema": "JSON Schema of a kind of file, for editors",
    "validate": "how far to believe the numbers: fits, predictions, sensitivities",
    "report": "the page of a folder that `reproduce` wrote",
}
"""Name and what help says; a command's module is imported when it is called."""


class Application(click.Group):
    """The group of commands: loads them lazily, and turns every fault into a line and a code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        found = import_module(f"experiments.commands.{module}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command asked for; the nearest names where there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from workloads.names import nearest_name

            raise nearest_name("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run; in standalone mode end the process with one of the exit codes."""
        if not standalone_mode:
            return super().main(args, "deepx", complete_var, False, **extra)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        code = self._guarded(args, "deepx", complete_var, **extra)
        sys.exit(code)

    def _guarded(
        self, args: Sequence[str] | None, prog_name: str, complete_var: str | None, **extra: Any
    ) -> int:
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
            sys.stdout.flush()
        except (click.exceptions.Abort, KeyboardInterrupt):
            return _end(INTERRUPTED, "interrupted")
        except click.UsageError as error:
            return _end(NOT_UNDERSTOOD, _usage(error))
        except InputFault as error:
            return _end(NOT_UNDERSTOOD, str(error))
        except AnswerIsNo as error:
            return _end(NO, str(error))
        except OSError as error:
            return _end(NOT_UNDERSTOOD, _unwritable(error))
        except MemoryError:
            return _end(NO, "out of memory: this computer cannot hold the model")
        except (LookupError, ValueError) as error:
            return _end(NOT_UNDERSTOOD, _fault(error))
        return code if isinstance(code, int) else DONE


def _end(code: int, lines: str) -> int:
    print(lines, file=sys.stderr)
    return code


def _fault(error: Exception) -> str:
    """Faults of a file with their places, an unknown name; anything else is ours and is raised."""
    from workloads.faults import SpecError
    from workloads.names import UnknownName

    if isinstance(error, SpecError):
        return str(error)
    if isinstance(error, UnknownName):
        return one_line(f"command line: {error}")
    raise error


def _unwritable(error: OSError) -> str:
    """Output that the file system refuses; a later flush of it must not complain once more."""
    if error.filename is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    where = error.filename or "standard output"
    return one_line(f"command line: {where}: cannot be used ({error.strerror or error})")


def _usage(error: click.UsageError) -> str:
    """One line: `command line: --frames: is 0, must be ...`."""
    command = error.ctx.command_path if error.ctx else "deepx"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"command line: {_name_of(error.param)}: is missing; see {command} --help"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return one_line(f"command line: {_name_of(error.param)}: {error.message}")
    if isinstance(error, click.NoSuchOption):
        near = " or ".join(error.possibilities or ())
        hint = f"did you mean {near}?" if near else f"see {command} --help"
        return one_line(f"command line: {error.option_name}: is no option here; {hint}")
    if isinstance(error, click.BadOptionUsage):
        wrong = "takes no value" if "not take" in error.message else "needs a value"
        return one_line(f"command line: {error.option_name}: {wrong}; see {command} --help")
    message = error.message[:1].lower() + error.message[1:].rstrip(".")
    return one_line(f"command line: {message}; see {command} --help")


def _name_of(parameter: click.Parameter) -> str:
    return parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.human_readable_name


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"deepx {version('deepx-sim')}")
        ctx.exit()


@click.group(
    cls=Application,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say it."
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """DeepX-Sim: deep models planned onto phone-class chips, simulated to the joule.

    \b
    Begin with
      deepx list
      deepx infer alexnet --soc tegra_k1 --planner deepx --verify
      deepx plan alexnet --soc tegra_k1 --planner deepx --explain
      deepx reproduce

    Exit codes: 0 done; 1 the answer is no (goals out of reach, planner not applicable,
    verification failed); 2 the input cannot be understood; 130 interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
