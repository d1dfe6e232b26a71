"""The page in a browser: headless Chromium through Playwright, from disk, without a network.

Skipped where Playwright (extra `browser`) or a Chromium of the system's own is missing.
"""

import os
import shutil
from contextlib import contextmanager

import pytest

from experiments.evaluation import all_cases, evaluate
from experiments.publishing import prepare, publish
from experiments.scoring import by_case, document
from socs import load_soc

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert(1)</script>"
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The page of a small reproduction, one of its SoCs with a hostile name."""
    folder = tmp_path_factory.mktemp("page")
    shipped = load_soc.__globals__["_HERE"] / "data" / "tegra_k1.yaml"
    text = shipped.read_text(encoding="utf-8").replace("name: tegra_k1", f"name: {HOSTILE}", 1)
    (folder / "hostile.yaml").write_text(text, encoding="utf-8")
    cases = all_cases(
        socs=("tegra_k1", str(folder / "hostile.yaml")),
        models=("cd_seide",),
        planners=("cpu_only", "cloud_only", "dsp_only", "deepx"),
        spaces=("paper",),
    )
    findings = list(evaluate(cases, verified=("cpu_only",)))
    prepare(folder / "out")
    publish(folder / "out", document(by_case(findings)), findings)
    return folder / "out" / "report.html"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system")
    # A browser run by root, as in a container, refuses to start in a sandbox.
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield launched
        launched.close()


@contextmanager
def opened(browser, file, **settings):
    """The page, opened from disk; complaints and requests of it are collected in `page.seen`."""

    def heard(message):
        if message.type in ("error", "warning"):
            page.seen["complaints"].append(message.text)

    def noticed(dialog):
        page.seen["complaints"].append(dialog.message)
        dialog.dismiss()

    context = browser.new_context(offline=True, **({"viewport": DESKTOP} | settings))
    page = context.new_page()
    page.seen = {"complaints": [], "requests": []}
    page.on("console", heard)
    page.on("pageerror", lambda error: page.seen["complaints"].append(str(error)))
    page.on("dialog", noticed)
    page.on("request", lambda request: page.seen["requests"].append(request.url))
    page.goto(file.as_uri())
    page.wait_for_load_state("networkidle")
    yield page
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_opens_without_network_or_complaint(browser, page_file, viewport, scheme):
    with opened(browser, page_file, viewport=viewport, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        page.mouse.wheel(0, 100_000)
        page.wait_for_timeout(200)
        assert page.seen == {"complaints": [], "requests": [page_file.as_uri()]}
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], "the page scrolls sideways"
        text, ground = page.evaluate(
            "(style => [style.color, style.backgroundColor])(getComputedStyle(document.body))"
        )
        assert (luminance(text) > luminance(ground)) is (scheme == "dark")
        assert abs(luminance(text) - luminance(ground)) > 150


def luminance(css):
    """Of `rgb(r, g, b)`, 0 to 255."""
    red, green, blue = (float(part) for part in css[4:-1].split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_hostile_name_is_text(browser, page_file):
    with opened(browser, page_file) as page:
        assert page.get_by_role("cell", name=HOSTILE).count() > 0
        assert page.get_by_role("heading", name=HOSTILE).count() > 0
        assert page.locator("figcaption", has_text=HOSTILE).count() > 0
        assert page.seen["complaints"] == []


def test_what_is_seen_would_be_noticed(browser, tmp_path):
    """The collector bites: a page with a script, a request and a wide table is told from ours."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        f"<!doctype html><div style='width: 3000px'>wide {HOSTILE}</div><img src='gone.png'>"
        "<script>console.error('said'); missing()</script>",
        encoding="utf-8",
    )
    with opened(browser, bad) as page:
        assert {"1", "said"} <= set(page.seen["complaints"])
        assert any("missing" in text for text in page.seen["complaints"])
        assert len(page.seen["requests"]) == 2
        assert page.evaluate("document.documentElement.scrollWidth") > DESKTOP["width"]


# the timeline


SPAN = "(() => { const axis = Bokeh.documents[0].get_model_by_name('time_0');\
 return [axis.start, axis.end] })()"
FIRST_LONG = """(() => {
  const find = name => Bokeh.index.find_one_by_id(Bokeh.documents[0].get_model_by_name(name).id)
  const bars = find('activities_0'), data = bars.model.data_source.data
  const widths = data.right.map((stop, n) => stop - data.left[n])
  const n = widths.indexOf(Math.max(...widths))
  const plot = bars.parent, box = plot.el.getBoundingClientRect()
  const x = plot.frame.x_scale.compute((data.left[n] + data.right[n]) / 2)
  const y = plot.frame.y_scale.compute(data.lane[n])
  return {x: box.x + x, y: box.y + y, label: data.label[n], resource: data.resource[n]}
})()"""


def eventually(page, condition):
    """Wait until a condition in the page holds; the page's own policy forbids waiting inside it."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def timeline(page):
    """The middle of the longest activity of the first tab, scrolled into sight."""
    page.locator("#timelines").scroll_into_view_if_needed()
    eventually(page, "Bokeh.documents[0]?.is_idle")
    return page.evaluate(FIRST_LONG)


def test_turning_the_wheel_with_ctrl_zooms_and_alone_scrolls(browser, page_file):
    with opened(browser, page_file) as page:
        at = timeline(page)
        whole = page.evaluate(SPAN)
        page.mouse.move(at["x"], at["y"])
        before = page.evaluate("scrollY")
        page.mouse.wheel(0, -100)
        eventually(page, f"scrollY < {before}")
        assert page.evaluate(SPAN) == whole
        at = timeline(page)
        page.mouse.move(at["x"], at["y"])
        page.keyboard.down("Control")
        page.mouse.wheel(0, -300)
        page.keyboard.up("Control")
        eventually(page, f"{SPAN}[1] - {SPAN}[0] < {0.9 * (whole[1] - whole[0])}")
        start, end = page.evaluate(SPAN)
        assert whole[0] <= start < end <= whole[1]
        assert page.seen["complaints"] == []


def test_dragging_zooms_to_what_was_dragged_over(browser, page_file):
    with opened(browser, page_file) as page:
        at = timeline(page)
        whole = page.evaluate(SPAN)
        page.mouse.move(at["x"], at["y"])
        page.mouse.down()
        page.mouse.move(at["x"] + 100, at["y"] + 5, steps=4)
        page.mouse.up()
        eventually(page, f"{SPAN}[1] - {SPAN}[0] < {0.5 * (whole[1] - whole[0])}")


def test_pointing_at_a_block_tells_what_it_is_and_draws(browser, page_file):
    with opened(browser, page_file) as page:
        at = timeline(page)
        page.mouse.move(at["x"], at["y"], steps=3)
        said = page.locator(".bk-Tooltip", has_text=f"{at['resource']}: {at['label']}")
        said.wait_for()
        text = said.evaluate("tooltip => tooltip.shadowRoot.textContent")
        assert " W, " in text
        assert " mJ" in text
        assert page.seen["complaints"] == []


def test_a_hostile_name_is_a_tab_like_any_other(browser, page_file):
    with opened(browser, page_file) as page:
        timeline(page)
        page.locator(".bk-tab", has_text=HOSTILE).click()
        eventually(page, "Bokeh.documents[0].get_model_by_name('timelines').active == 1")
        assert page.seen["complaints"] == []
