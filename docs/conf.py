"""The documentation site: Sphinx with furo and MyST-NB. Nothing is fetched; warnings are errors."""

import re
import shutil
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
PACKAGE = HERE.parent
NOTEBOOKS = PACKAGE / "experiments" / "notebooks"

project = "DeepX-Sim"
version = release = installed("deepx-sim")
extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["drawn/*.md", "planners/*.md"]
html_theme = "furo"
html_title = f"DeepX-Sim {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
suppress_warnings = ["mystnb.unknown_mime_type"]

# Notebooks are shown as `make notebooks` left them.
nb_execution_mode = "off"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True


def setup(app: Sphinx) -> None:
    """Bring in what lies outside this folder, and draw the figures anew."""
    app.connect("builder-inited", gather)
    app.connect("autodoc-process-docstring", as_restructured_text)


def gather(app: Sphinx) -> None:
    """Notebooks beside the tutorials' index, the rest in `drawn`; all of it is ignored by git."""
    source = Path(app.srcdir)
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        shutil.copyfile(notebook, source / "tutorials" / notebook.name)
    (source / "drawn").mkdir(exist_ok=True)
    draw(source / "drawn")
    write(source)


def draw(folder: Path) -> None:
    """Every figure from what the simulator says today."""
    from experiments.drawing.concept import concept
    from experiments.drawing.gallery import exhibits
    from experiments.publishing import save_figure

    save_figure(folder / "concept", concept())
    for shown in exhibits():
        save_figure(folder / shown.name, shown.draw())


def write(source: Path) -> None:
    """What pages include: of every planner, every file, every figure that there is."""
    from experiments import handbook

    asked = handbook.examples(source / "how-to" / "my_net.yaml")
    texts = {
        "planners": handbook.planners_page(source / "planners", asked),
        "shipped": handbook.shipped_page(),
        "gallery": handbook.gallery_page("drawn"),
    }
    for name, text in texts.items():
        (source / "drawn" / f"{name}.md").write_text(text, encoding="utf-8")


def as_restructured_text(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Docstrings are plain text with `code`: keep their signs (`*`, `_`, `|`) as they are."""
    lines[:] = [line for text in paragraphs(lines) for line in text]


def paragraphs(lines: list[str]) -> list[list[str]]:
    """Escaped paragraphs; indented lines below a line of text become a paragraph of their own."""
    found: list[list[str]] = []
    for line in "\n".join(lines).split("\n"):
        deeper = bool(found) and bool(found[-1]) and indent(line) != indent(found[-1][-1])
        item = line.lstrip().startswith("- ")
        if not line.strip() or not found or deeper or item:
            found.append([])
        if line.strip():
            found[-1].append(escaped(line))
    return [[*text, ""] for text in found if text]


def indent(line: str) -> int:
    """Spaces before the text."""
    return len(line) - len(line.lstrip())


def escaped(line: str) -> str:
    """`code` as a literal, all other signs of the markup escaped."""
    parts = line.split("`")
    if len(parts) % 2 == 0:  # a literal that goes on in the next line
        return re.sub(r"([\\*_|`])", r"\\\1", line)
    for place, part in enumerate(parts):
        sign = re.sub(r"([\\*_|])", r"\\\1", part)
        parts[place] = f"``{part}``" if place % 2 and part else sign
    return "".join(parts)
