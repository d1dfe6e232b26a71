"""`deepx sweep`: many cases from one YAML."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from experiments.faults import AnswerIsNo, InputFault, given, writing
from experiments.parameters import Choice, Count

ENGINES = ("auto", "des", "vector")
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_ENGINE = click.option(
    "--engine",
    type=Choice(*ENGINES),
    default="auto",
    show_default=True,
    help="The law over arrays where there is one, or one of the two for all.",
)
_WORKERS = click.option(
    "--workers", type=Count(1024), help="Processes here (default: processor cores, 4 at most)."
)


@click.group("sweep")
def command() -> None:
    """Run many cases from one YAML file, and see what came of them.

    \b
    Examples
      deepx sweep plan bandwidth_error
      deepx sweep run bandwidth_error --out results/bandwidth
      deepx sweep status results/bandwidth --json
      deepx sweep diff results/before results/after
    """


def _load(file: str) -> Any:
    from experiments.sweeps.loading import load_sweep

    with given("FILE"):
        return load_sweep(file)


def _workers(asked: int | None) -> int:
    from experiments.workers import free_workers

    return free_workers() if asked is None else asked


@command.command("run")
@click.argument("file", metavar="FILE")
@click.option("--out", metavar="DIR", help="Folder (default: results/sweeps/NAME).")
@_WORKERS
@click.option("--scheduler", metavar="ADDR", help="Dask scheduler whose workers compute.")
@_ENGINE
@click.option("--retry-failed", is_flag=True, help="Compute failed cases anew.")
@_AS_JSON
def run(
    file: str,
    out: str | None,
    workers: int | None,
    scheduler: str | None,
    engine: Any,
    retry_failed: bool,
    as_json: bool,
) -> None:
    """Compute what is missing of a sweep; run it again after any interruption.

    FILE is a sweep's YAML, or the name of a shipped one. The answer is no where cases failed.
    """
    from experiments.sweeps.meter import metered
    from experiments.sweeps.running import WorkersLeft, run_sweep
    from experiments.terminal import say

    sweep = _load(file)
    _forced(sweep, engine)
    folder = Path(out) if out is not None else Path("results") / "sweeps" / sweep.name
    with writing(folder, "--out"), metered(sweep.name, _left(sweep, folder)) as told:
        try:
            status = run_sweep(
                sweep,
                folder,
                workers=_workers(workers),
                scheduler=scheduler,
                engine=engine,
                retry_failed=retry_failed,
                told=told,
            )
        except (KeyboardInterrupt, OSError):
            _say_kept(folder, say)
            raise
        except WorkersLeft as error:
            raise AnswerIsNo(str(error)) from None
    _show(folder, status, as_json)
    if status["failed"]:
        raise AnswerIsNo(
            f"{status['failed']} of {status['cases']} cases failed; their status says why, "
            "--retry-failed computes them anew"
        )


def _left(sweep: Any, folder: Path) -> int:
    """Case numbers that a run has before it, failures to be retried aside."""
    from experiments.sweeps.store import is_sweep_folder, read_manifest, size

    if not is_sweep_folder(folder):
        return len(sweep.space)
    return size(read_manifest(folder).missing())


def _forced(sweep: Any, engine: str) -> None:
    """InputFault where arrays are forced on cases that have no such form."""
    if engine != "vector":
        return
    import numpy as np

    from experiments.sweeps.vectors import has_vector_form

    numbers = np.unique(np.linspace(0, len(sweep.space) - 1, 1000).astype(np.int64))
    columns = sweep.space.columns(numbers)
    if not all(has_vector_form(sweep.values(columns, row)) for row in range(len(numbers))):
        raise InputFault("command line: --engine: vector serves not all cases, must be auto or des")


def _say_kept(folder: Path, say: Callable[[str], None]) -> None:
    from experiments.sweeps.store import is_sweep_folder, read_manifest

    if is_sweep_folder(folder):
        status = read_manifest(folder).status()
        say(f"{status['done']} of {status['cases']} cases are kept in {folder}; run again to go on")


def _show(folder: Path, status: dict[str, int], as_json: bool) -> None:
    from experiments.files import to_json

    if as_json:
        click.echo(to_json(status))
        return
    click.echo(f"{folder}: {status['done']} of {status['cases']} cases done")
    click.echo(f"failed {status['failed']}, executed in the last run {status['executed_last_run']}")


@command.command("plan")
@click.argument("file", metavar="FILE")
@_WORKERS
@_ENGINE
@_AS_JSON
def plan(file: str, workers: int | None, engine: Any, as_json: bool) -> None:
    """How many cases a sweep has, and what they will take, from a few measured here."""
    from experiments.files import to_json
    from experiments.sweeps.estimating import estimate
    from experiments.sweeps.meter import duration

    sweep = _load(file)
    found = estimate(sweep, workers=_workers(workers), engine=engine)
    if as_json:
        click.echo(to_json({"sweep": sweep.name, **found.document()}))
        return
    click.echo(f"{sweep.name}: {found.cases} cases, about {found.vector} by arrays")
    click.echo(f"time      about {duration(found.seconds)} with {found.workers} workers")
    click.echo(f"disk      about {found.disk_bytes / 1e6:.3g} MB")
    click.echo(f"measured  {found.measured} cases")


@command.command("status")
@click.argument("folder", metavar="DIR")
@_AS_JSON
def status(folder: str, as_json: bool) -> None:
    """How far the sweep in a folder is."""
    from experiments.sweeps.store import read_manifest

    _show(Path(folder), read_manifest(Path(folder)).status(), as_json)


@command.command("diff")
@click.argument("one", metavar="DIR")
@click.argument("two", metavar="DIR")
@_AS_JSON
def diff(one: str, two: str, as_json: bool) -> None:
    """What differs between the results in two folders; the answer is no where anything does."""
    from experiments.files import to_json
    from experiments.sweeps.results import difference, load_results

    found = difference(load_results(one), load_results(two))
    if as_json:
        click.echo(to_json(found.document()))
    else:
        click.echo(f"rows {found.rows[0]} and {found.rows[1]}")
        for name, change in found.columns.items():
            told = ", ".join(f"{key} {value:.6g}" for key, value in change.items())
            click.echo(f"{name}: {told}")
    if not found.same:
        missing = sum(found.missing)
        names = ", ".join(found.columns) or "none"
        raise AnswerIsNo(f"results differ: {missing} scenarios on one side only, columns {names}")
