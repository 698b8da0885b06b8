"""The report as a browser shows it, wide and on a phone, light and dark, and on paper."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import report_samples as samples
from report_found import Found, changed

from dtbsim.atlas import load_atlas
from dtbsim.report import data as d
from dtbsim.report.atlas_page import atlas_page
from dtbsim.report.html import render

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

SCREENS = {"desktop": (1440, 900), "tablet": (820, 1100), "phone": (390, 844)}
LOCAL = ("file:", "data:", "blob:")
CUT = """() => {
  const cut = [];
  for (const plot of document.querySelectorAll(".plot")) {
    const room = plot.getBoundingClientRect();
    for (const text of plot.querySelectorAll("svg text")) {
      const box = text.getBoundingClientRect();
      const visible = text.textContent.trim() && box.width && getComputedStyle(text).opacity !== "0";
      if (visible && (box.left < room.left - 1.5 || box.right > room.right + 1.5
          || box.top < room.top - 1.5 || box.bottom > room.bottom + 1.5))
        cut.push([plot.dataset.figure, text.textContent]);
    }
  }
  return cut;
}"""


def recordings() -> Found:
    rng = np.random.default_rng(0)
    time = np.arange(1, 2001) * 5e-4
    traces = [
        d.StateTrace("V_m", "mV", rng.normal(-60, 4, (2000, 3)), rng.normal(-60, 1, 2000)),
        d.StateTrace("I_syn_ex", "pA", rng.gamma(3, 90, (2000, 3)), None),
    ]
    edges = np.linspace(0, 200, 51)
    share = np.full(50, 0.02)
    quantiles = (np.full(10, value) for value in (60.0, 80.0, 95.0))
    lags = np.arange(-50.0, 51.0)
    neurons = ["a population with a long name@Región_Φ 0", "E 1", "E 2"]
    return changed(
        samples.microcircuit(),
        states=[d.RecordedStates("E", neurons, 100, time, 0.5, traces, [time[::50], time[::80], time[:0]])],
        weights=[d.RecordedWeights("EE", "pA", 800, (0.5, 2.0), time[::200], *quantiles, edges, share, share)],
        correlations=[d.Correlogram("E", "I", lags, rng.normal(0, 1e-6, 101), np.ones(101), 1.0, 1000)],
    )


PAGES = {
    "brain": samples.whole_brain,
    "column": samples.microcircuit,
    "recordings": recordings,
    "atlas": lambda: atlas_page(load_atlas("dk68")),
}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, make in PAGES.items():
        found[name] = folder / f"{name}.html"
        made = make()
        found[name].write_text(made if isinstance(made, str) else render(made), encoding="utf-8")
    return found


class Opened:
    """A page that has drawn its figures, and what it asked for and complained about meanwhile."""

    def __init__(self, browser: Any, path: Path, screen: str, scheme: str = "light", *, touch: bool = False) -> None:
        width, height = SCREENS[screen]
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            bypass_csp=True,
            has_touch=touch,
            is_mobile=touch,
        )
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(path.as_uri())
        self.page.wait_for_function("document.documentElement.dataset.ready === 'yes'", timeout=180_000)


@pytest.fixture(
    params=[(page, screen, scheme) for page in PAGES for screen in SCREENS for scheme in ("light", "dark")],
    ids="-".join,
)
def opened(request: pytest.FixtureRequest, browser: Any, pages: dict[str, Path]) -> Iterator[Opened]:
    page, screen, scheme = request.param
    found = Opened(browser, pages[page], screen, scheme)
    yield found
    found.context.close()


def test_a_page_is_whole_for_everybody(opened: Opened, axe: str) -> None:
    page = opened.page
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith(LOCAL)] == []
    assert "could not be drawn" not in page.inner_text("main")
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out at the side"
    assert page.evaluate(CUT) == []
    page.evaluate(axe)
    violations = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert [(item["id"], item["nodes"][0]["html"][:200]) for item in violations] == []


def test_no_button_uploads(browser: Any, pages: dict[str, Path]) -> None:
    opened = Opened(browser, pages["brain"], "desktop")
    titles = opened.page.eval_on_selector_all(".modebar-btn", "all => all.map((button) => button.dataset.title)")
    assert len(titles) > 50
    assert {title for title in titles if "share" in title.lower() or "cloud" in title.lower()} == set()
    assert set(titles) <= {
        "Download plot as a PNG",
        "Zoom",
        "Pan",
        "Zoom in",
        "Zoom out",
        "Reset axes",
        "Orbital rotation",
        "Reset camera to default",
    }
    opened.context.close()


def marks(opened: Opened) -> list[str]:
    texts = opened.page.eval_on_selector(".brain .plot", "plot => plot.layout.annotations.map((mark) => mark.text)")
    return [text.replace("<b>", "").replace("</b>", "") for text in texts]


def test_sides_of_the_brain_follow_the_view(browser: Any, pages: dict[str, Path]) -> None:
    opened = Opened(browser, pages["brain"], "desktop")
    assert marks(opened) == ["R", "L"]
    for view, expected in {
        "top": ["L", "R"],  # the nose up, one looks from above
        "front": ["R", "L"],  # face to face
        "left": ["seen from the left", ""],
        "right": ["seen from the right", ""],
    }.items():
        opened.page.click(f"[data-view={view}]")
        opened.page.wait_for_timeout(1000)
        assert marks(opened) == expected, view
    opened.context.close()


def test_a_logarithmic_axis_keeps_numbers_when_zoomed(browser: Any, pages: dict[str, Path]) -> None:
    opened = Opened(browser, pages["column"], "desktop")
    counts = opened.page.evaluate("""async () => {
      const plot = [...document.querySelectorAll(".plot")].find((one) => one.layout.xaxis?.type === "log");
      const labels = () => [...plot.querySelectorAll(".xtick text")].filter((text) => text.textContent.trim()).length;
      const all = [labels()];
      const whole = [...plot.layout.xaxis.range];
      await Plotly.relayout(plot, { "xaxis.range": [0.4, 0.6] });
      await new Promise((resolve) => setTimeout(resolve, 500));
      all.push(labels());
      await Plotly.relayout(plot, { "xaxis.range": whole });
      await new Promise((resolve) => setTimeout(resolve, 500));
      return [...all, labels()];
    }""")
    assert counts[0] == counts[2] >= 3
    assert counts[1] >= 3
    opened.context.close()


def test_a_finger_scrolls_the_page(browser: Any, pages: dict[str, Path]) -> None:
    opened = Opened(browser, pages["column"], "phone", touch=True)
    modes = opened.page.eval_on_selector_all(".plot", "all => all.map((plot) => plot.layout.dragmode)")
    assert set(modes) == {False}
    opened.context.close()


def test_paper(browser: Any, pages: dict[str, Path]) -> None:
    opened = Opened(browser, pages["brain"], "desktop", "dark")
    page = opened.page
    page.emulate_media(media="print")
    assert not page.is_visible("nav")
    assert page.locator(".brain .still").is_visible()
    sizes = page.eval_on_selector_all(".still", "all => all.map((still) => [still.naturalWidth, still.naturalHeight])")
    assert len(sizes) == 2, "brain and raster: WebGL is not printed"
    assert all(min(size) > 500 for size in sizes)
    assert len(page.pdf(format="A4")) > 100_000
    opened.context.close()
