"""The page: self-contained, complete for what there is, safe against names, whole with NaN."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import report_samples as samples
from report_found import Found, changed

from dtbsim.report import data as d
from dtbsim.report.html import quantised, render
from dtbsim.report.plotly_js import offline_plotlyjs

ALL_SECTIONS = ["brain", "activity", "bold", "fc", "fcd", "performance", "reproduce"]


class Page(HTMLParser):
    """What a browser would see: sections, scripts, and everything that could load something."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[str] = []
        self.scripts: dict[str, str] = {}
        self.figures: list[str] = []
        self.loads: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.style = ""
        self.policy = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self._open = given.get("id", "code") if tag == "script" else tag
        if tag == "section":
            self.sections.append(given["id"])
        if "data-figure" in given:
            self.figures.append(given["data-figure"])
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self.loads += [
            (tag, given[key]) for key in ("src", "href", "srcset", "data", "poster", "action") if key in given
        ]

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "style":
            self.style += data
        elif self._open and self._open not in self.tags:
            self.scripts[self._open] = self.scripts.get(self._open, "") + data
        elif self._open not in ("script", "code"):
            self.text.append(data)

    def figure(self, name: str) -> dict:
        return json.loads(self.scripts[name], parse_constant=_refuse)


def _refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


@pytest.fixture(scope="module")
def brain_data() -> Found:
    return samples.whole_brain()


@pytest.fixture(scope="module")
def brain_html(brain_data: Found) -> str:
    return render(brain_data)


def words(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def test_nothing_is_loaded_from_anywhere(brain_html: str) -> None:
    page = Page(brain_html)
    assert page.loads
    assert all(target.startswith("#") for _, target in page.loads), page.loads
    assert "link" not in page.tags
    assert "iframe" not in page.tags
    assert "default-src 'none'" in page.policy
    assert not re.search(r"@import|url\(", page.style)
    own = brain_html.replace(offline_plotlyjs(), "")
    assert len(own) < len(brain_html)
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|WebSocket", own)


def test_plotly_is_embedded_once(brain_html: str) -> None:
    assert brain_html.count(offline_plotlyjs()[:2000]) == 1


def test_size_stays_below_eight_megabytes(brain_html: str) -> None:
    assert len(brain_html.encode()) < 8e6
    assert len(render(samples.whole_brain(n=200)).encode()) < 8e6


def test_whole_brain_run_has_every_section(brain_html: str) -> None:
    page = Page(brain_html)
    assert page.sections == ALL_SECTIONS
    text = words(page)
    for phrase in ("0.612", "best linear network", "What this does not show", "14.1", "Reproduction", "9f9f9f"):
        assert phrase in text


def test_every_figure_has_its_data_and_every_data_its_figure(brain_html: str) -> None:
    page = Page(brain_html)
    for name in page.figures:
        figure = page.figure(name)
        assert figure["data"]
        assert "template" not in figure["layout"]
        assert figure["layout"]["height"] > 100
    stored = {name for name in page.scripts if name.startswith("figure-")}
    assert stored == set(page.figures)
    assert len(page.figures) == len(stored) == 19


def test_axes_carry_units(brain_html: str) -> None:
    page = Page(brain_html)
    titles = [
        axis.get("title", {}).get("text", "")
        for name in page.figures
        for key, axis in page.figure(name)["layout"].items()
        if re.fullmatch(r"[xy]axis", key)
    ]
    expected = {"time (s)", "rate (Hz)", "mean rate (Hz)", "frequency (Hz)", "measured FC (r)", "window centre (s)"}
    assert expected <= set(titles)


def test_microcircuit_has_no_brain_and_no_bold() -> None:
    page = Page(render(samples.microcircuit()))
    assert page.sections == ["activity", "performance", "reproduce"]
    assert "Not shown: BOLD and functional connectivity (the network has no atlas)." in words(page)
    assert "brain-values" not in page.scripts


@pytest.mark.parametrize(
    ("field", "gone"),
    [("brain", "brain"), ("bold", "bold"), ("fc", "fc"), ("fcd", "fcd"), ("performance", "performance")],
)
def test_a_section_disappears_with_its_data(brain_data: Found, field: str, gone: str) -> None:
    page = Page(render(changed(brain_data, **{field: None})))
    assert page.sections == [name for name in ALL_SECTIONS if name != gone]


def test_report_of_nothing_but_the_run() -> None:
    page = Page(render(d.ReportData(run=samples.run_info("bare", ""))))
    assert page.sections == ["reproduce"]
    assert not page.figures


def test_a_run_on_a_gpu_names_it(brain_data: Found) -> None:
    summary = {**brain_data.run.summary, "backend": "cuda", "gpu": "H200 <1>", "gpu_plan": "persistent"}
    run = dataclasses.replace(brain_data.run, summary=summary)
    text = words(Page(render(changed(brain_data, run=run))))
    assert "2 ranks H200 <1> atlas" in text
    assert "2 ranks with H200 <1>, persistent plan, cuda backend." in text
    assert "thread each" not in text
    on_cpu = words(Page(render(brain_data)))
    assert "2 ranks 1 thread atlas" in on_cpu
    assert "2 ranks with 1 thread each, cpu backend." in on_cpu


def test_fc_without_measured_fc(brain_data: Found) -> None:
    assert brain_data.fc is not None
    alone = dataclasses.replace(brain_data.fc, empirical=None, correlation=None, baselines=[])
    text = words(Page(render(changed(brain_data, fc=alone))))
    assert "no measured FC to compare with" in text
    assert "What this does not show" not in text
    assert "FC correlation" not in text


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


def test_names_cannot_become_markup(brain_data: Found) -> None:
    assert brain_data.brain is not None
    assert brain_data.raster is not None
    assert brain_data.population_rates is not None
    info = dataclasses.replace(
        brain_data.run,
        name=HOSTILE,
        description=HOSTILE,
        config_text=HOSTILE,
        command=HOSTILE,
        provenance={HOSTILE: HOSTILE, "host": HOSTILE, "gpus": [HOSTILE]},
        summary={**brain_data.run.summary, "spike_hash": HOSTILE, "backend": HOSTILE},
    )
    regions = [HOSTILE, *brain_data.brain.regions[1:]]
    values = [d.RegionValue(HOSTILE, HOSTILE, brain_data.brain.values[0].values, HOSTILE)]
    hostile = changed(
        brain_data,
        run=info,
        brain=dataclasses.replace(brain_data.brain, regions=regions, values=values, atlas=HOSTILE),
        raster=dataclasses.replace(brain_data.raster, families=[HOSTILE, "I"]),
        population_rates=dataclasses.replace(
            brain_data.population_rates, names=[HOSTILE, *brain_data.population_rates.names[1:]]
        ),
        absent=[HOSTILE],
    )
    page, harmless = Page(render(hostile)), Page(render(brain_data))
    assert HOSTILE in "".join(page.text)
    assert page.tags.count("script") == harmless.tags.count("script")
    assert page.tags.count("img") == harmless.tags.count("img")
    assert page.loads == harmless.loads
    texts = page.scripts["brain-values"] + "".join(page.scripts[name] for name in page.figures)
    assert "<" not in texts
    assert "<img" not in json.dumps(json.loads(page.scripts["brain-values"]))
    raster = page.figure(page.figures[1])
    assert raster["data"][0]["name"].startswith("&lt;/script&gt;")


def test_not_a_number_everywhere(brain_data: Found) -> None:
    assert brain_data.bold is not None
    assert brain_data.fc is not None
    assert brain_data.brain is not None
    assert brain_data.population_rates is not None
    percent = brain_data.bold.percent.copy()
    percent[:, 0] = np.nan
    percent[5, 3] = np.nan
    simulated = brain_data.fc.simulated.copy()
    simulated[0] = simulated[:, 0] = np.nan
    rates = brain_data.population_rates.rate_hz.copy()
    rates[:80] = np.nan
    nothing = d.RegionValue("empty", "", np.full(80, np.nan))
    broken = changed(
        brain_data,
        bold=dataclasses.replace(brain_data.bold, percent=percent),
        fc=dataclasses.replace(brain_data.fc, simulated=simulated),
        population_rates=dataclasses.replace(brain_data.population_rates, rate_hz=rates),
        brain=dataclasses.replace(brain_data.brain, values=[nothing, *brain_data.brain.values]),
        run=dataclasses.replace(brain_data.run, summary={**brain_data.run.summary, "rtf": float("nan")}),
    )
    page = Page(render(broken))
    for name in page.figures:
        page.figure(name)
    values = json.loads(page.scripts["brain-values"], parse_constant=_refuse)["values"]
    assert values[0]["numbers"] == [None] * 80
    assert values[0]["text"][0].endswith("not known")
    assert ">nan<" not in render(broken)


def test_images_survive_sixteen_bits() -> None:
    values = np.random.default_rng(0).normal(size=(7, 11))
    values[2, 3] = np.nan
    stored = quantised(values)
    steps = np.frombuffer(base64.b64decode(stored["int16"]), "<i2").reshape(-1, stored["columns"])
    restored = np.where(steps == -32768, np.nan, stored["low"] + stored["step"] * (steps.astype(float) + 32767))
    assert restored.shape == values.shape
    assert np.allclose(restored, values, atol=0.51 * stored["step"], equal_nan=True)
    assert stored["step"] < 1e-4
    assert np.frombuffer(base64.b64decode(quantised(np.full((2, 2), np.nan))["int16"]), "<i2").tolist() == [-32768] * 4
    assert np.frombuffer(base64.b64decode(quantised(np.ones((1, 2)))["int16"]), "<i2").tolist() == [-32767] * 2


def test_brain_script_and_figure_agree(brain_data: Found, brain_html: str) -> None:
    page = Page(brain_html)
    brain = json.loads(page.scripts["brain-values"])
    traces = page.figure(page.figures[0])["data"]
    assert len(traces) == brain["hulls"] + brain["edges"] + 2
    assert [trace["type"] for trace in traces] == ["mesh3d"] * 2 + ["scatter3d"] + ["mesh3d"] * 2
    assert len(brain["xyz"]) == 80
    assert all(len(value[key]) == 80 for value in brain["values"] for key in ("numbers", "radii", "text"))
    assert brain_data.brain is not None
    assert brain_html.count("<option value='") == len(brain_data.brain.values) + 2
