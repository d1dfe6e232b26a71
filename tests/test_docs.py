"""The documentation site: it builds without a warning, and what its pages name is there."""

import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from test_contributing import ROOT, copied, ran

from experiments import handbook
from experiments.amounts import joules
from experiments.answers import ask
from experiments.catalogue import find
from experiments.drawing.gallery import exhibits
from experiments.scenarios import scenario
from planners import planner_names
from socs.loading import host_names, link_names, soc_names
from workloads import workload_names

DOCS = ROOT / "docs"
SAID = ("Decides", "Objective and limits", "Not applicable", "Cost", "Guarantee", "Wins")
"""What the handbook says of each planner."""


class Page(HTMLParser):
    """Ids of a built page, where its links lead, and what a browser loads with it."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        if tag == "a":
            self.links.append(found.get("href", ""))
        elif tag == "link" and found.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loaded.append(found["href"])
        elif "src" in found:
            self.loaded.append(found["src"])


def broken(site):
    """(page, link) of every link within the site that leads nowhere."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        for link in (*page.links, *page.loaded):
            where = urlsplit(link)
            if where.scheme or not link.strip("#"):
                continue
            to = (path.parent / unquote(where.path)).resolve() if where.path else path
            known = pages[to].ids if to in pages else set()
            if not to.exists() or (where.fragment and to in pages and where.fragment not in known):
                yield path.name, link


def from_outside(site):
    """(page, address) of whatever a page would fetch from elsewhere."""
    for path in site.rglob("*.html"):
        for address in Page(path).loaded:
            if urlsplit(address).scheme not in {"", "data"} or address.startswith("//"):
                yield path.name, address


def in_a_table_of_contents():
    """Paths of the pages that some table of contents names."""
    for path in DOCS.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        for listed in re.findall(r"^`{3,4}{toctree}\n(.*?)^`{3,4}", text, re.MULTILINE | re.DOTALL):
            names = [line for line in listed.splitlines() if line and not line.startswith(":")]
            for name in names:
                yield from path.parent.glob(f"{name.split('<')[-1].rstrip('>')}.md")


def test_every_page_is_in_a_table_of_contents():
    """The handbook joins the planners of its folder into one page."""
    pages = set(DOCS.rglob("*.md")) - {DOCS / "index.md", *DOCS.glob("planners/*.md")}
    assert pages - set(in_a_table_of_contents()) == set()


@pytest.mark.slow
def test_the_site_builds_and_its_links_lead_somewhere(tmp_path):
    source = tmp_path / "docs"
    ignored = shutil.ignore_patterns("drawn", "*.ipynb")
    shutil.copytree(DOCS, source, ignore=ignored)
    shutil.copy(ROOT / "CONTRIBUTING.md", tmp_path)
    shutil.copytree(ROOT / "experiments/notebooks", tmp_path / "experiments/notebooks")
    site = tmp_path / "site"
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(source), str(site)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(broken(site)) == []
    assert list(from_outside(site)) == []
    assert len(list((site / "tutorials").glob("0*.html"))) >= 5
    gallery = (site / "gallery.html").read_text(encoding="utf-8")
    for shown in exhibits():
        assert f"_images/{shown.name}.svg" in gallery
        assert (site / "_images" / f"{shown.name}.svg").stat().st_size > 10_000
    handbook = Page(site / "planners.html").ids
    assert {name.replace("_", "-") for name in planner_names()} <= handbook


def test_a_broken_link_and_a_fetched_script_are_noticed(tmp_path):
    (tmp_path / "other.html").write_text('<p id="here">x</p>', encoding="utf-8")
    (tmp_path / "index.html").write_text(
        '<a href="other.html#here">a</a><a href="other.html#gone">b</a><a href="none.html">c</a>'
        '<a href="https://example.org">d</a><script src="https://example.org/x.js"></script>',
        encoding="utf-8",
    )
    assert [link for _, link in broken(tmp_path)] == ["other.html#gone", "none.html"]
    assert [address for _, address in from_outside(tmp_path)] == ["https://example.org/x.js"]


@pytest.mark.parametrize(
    ("guide", "file"), [("model", "my_net.yaml"), ("host", "socs/hosts/my_gemm.yaml")]
)
def test_a_guide_does_what_it_says(guide, file, tmp_path):
    """The YAML of the page lies where its commands look for it, and they run."""
    copied(tmp_path, "workloads", "socs", "planners", "sim", "experiments")
    text = (DOCS / "how-to" / f"{guide}.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    for name in re.findall(r"```{literalinclude} (\S+)\n", text):
        shown.append((DOCS / "how-to" / name).read_text(encoding="utf-8"))
    (document,) = shown
    (commands,) = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / file).write_text(document, encoding="utf-8")
    for command in commands.splitlines():
        ran(["-m", "experiments", *shlex.split(command)[1:]], tmp_path)


# pages that follow from what there is


@pytest.mark.parametrize("name", planner_names())
def test_the_handbook_says_the_same_things_of_every_planner(name):
    text = (DOCS / "planners" / f"{name}.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^(\w[^\n]*)\n: \S", text, flags=re.MULTILINE)) == SAID


def test_the_handbook_says_nothing_of_planners_that_are_gone():
    assert {path.stem for path in (DOCS / "planners").glob("*.md")} <= set(planner_names())


def test_a_planner_without_a_text_is_in_the_handbook_all_the_same(tmp_path):
    page = handbook.planners_page(tmp_path, {})
    assert re.findall(r"^## (\w+)$", page, flags=re.MULTILINE) == list(planner_names())


def test_the_handbook_tells_what_planners_answer(tmp_path, monkeypatch):
    cpu, dsp = find("cpu_only")[0], find("dsp_only")[0]
    monkeypatch.setattr(handbook, "entries", lambda kind: (cpu, dsp))
    question = scenario("tegra_k1", "alexnet")
    page = handbook.planners_page(tmp_path, {"AlexNet": question})
    energy = joules(ask(question, "cpu_only").plan.predicted.energy_j)
    assert f"| AlexNet | {energy} | " in page
    assert r"- AlexNet: not applicable: tegra\_k1 has no dsp" in page


def test_the_questions_of_the_handbook_are_explained():
    asked = handbook.examples(DOCS / "how-to" / "my_net.yaml")
    page = (DOCS / "planners.md").read_text(encoding="utf-8")
    assert re.findall(r"^(\w[^\n]*)\n: ", page, flags=re.MULTILINE) == list(asked)
    assert not asked["branches"].workload.is_chain


def test_every_chip_model_host_and_link_is_listed():
    page = handbook.shipped_page()
    for name in (*soc_names(), *workload_names(), *host_names(), *link_names()):
        assert f"| `{name}` | " in page


def test_text_from_files_is_no_markup():
    said = handbook.plain("a_b *c* |d| <script>`e`[f](g)")
    assert said == r"a\_b \*c\* \|d\| \<script\>\`e\`\[f\](g)"
