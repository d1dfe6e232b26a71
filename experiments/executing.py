"""Running notebooks: `python -m experiments.executing FOLDER` writes the .ipynb of each source."""

import sys
from pathlib import Path
from typing import Any

LIMIT_S = 600


def read(source: Path) -> Any:
    """The notebook of a source in jupytext's `py:percent` format, without outputs."""
    import jupytext

    return jupytext.read(source, fmt="py:percent")


def executed(source: Path) -> Any:
    """The notebook of a jupytext source, with its outputs and nothing that a run leaves behind.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    from nbclient import NotebookClient
    from traitlets.config import Config

    notebook = read(source)
    root = Path(__file__).parent.parent
    resources = {"metadata": {"path": str(root)}}
    # over sockets of the file system: no port is opened
    settings = Config({"KernelManager": {"transport": "ipc"}})
    client = NotebookClient(
        notebook,
        timeout=LIMIT_S,
        kernel_name="python3",
        resources=resources,
        record_timing=False,
        config=settings,
    )
    client.execute()
    notebook.metadata = {"kernelspec": notebook.metadata.get("kernelspec", {})}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata = {}
    return notebook


def texts(notebook: Any) -> list[list[str]]:
    """What each code cell printed or showed as text; pictures and objects' addresses aside."""
    return [
        [_text(output) for output in cell["outputs"] if _text(output)]
        for cell in notebook.cells
        if cell["cell_type"] == "code"
    ]


def _text(output: Any) -> str:
    if output["output_type"] == "stream":
        return str(output["text"]) if output["name"] == "stdout" else ""
    data = output.get("data", {})
    return "" if "image/png" in data else str(data.get("text/plain", ""))


def main(folder: Path) -> None:
    """Run every source of a folder."""
    import nbformat

    for source in sorted(folder.glob("*.py")):
        notebook = executed(source)
        text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
        source.with_suffix(".ipynb").write_text(text + "\n", encoding="utf-8")
        print(f"{source.with_suffix('.ipynb')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
