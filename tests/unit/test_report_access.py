"""The report for every reader and without a network: no address in it, names of what can be used, contrast, sides."""

from __future__ import annotations

import dataclasses
import itertools
import re
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pytest
import report_samples as samples
from report_found import Found, changed

from dtbsim.report import figures_brain, theme
from dtbsim.report.collect_brain import left_side
from dtbsim.report.html import render
from dtbsim.report.plotly_js import BUTTONS, offline_plotlyjs


class Elements(HTMLParser):
    """Start tags with their attributes, outside of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, {key: value or "" for key, value in attrs}))

    def of_class(self, name: str) -> list[dict[str, str]]:
        return [given for _, given in self.all if name in given.get("class", "").split()]


@pytest.fixture(scope="module")
def brain_html() -> str:
    return render(samples.whole_brain())


@pytest.fixture(scope="module")
def elements(brain_html: str) -> Elements:
    return Elements(brain_html)


def test_no_string_of_any_script_is_a_web_address(brain_html: str) -> None:
    addresses = set(re.findall(r"""["'`]((?:https?:|wss?:|ftp:)?//[^"'`\s]*)""", brain_html))
    assert {address for address in addresses if re.search(r"//\w", address)} <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/xmlns/",
        "http://www.w3.org/XML/1998/namespace",
    }


def test_plotly_itself_has_addresses_which_are_taken_out() -> None:
    from plotly.offline import get_plotlyjs

    before, after = get_plotlyjs(), offline_plotlyjs()
    assert len(re.findall(r"""["']https://(?!www\.w3)""", before)) > 10
    assert not re.search(r"""["']https?://(?!www\.w3)""", after)
    assert after.count("about:blank#") >= 10


def test_a_toolbar_has_the_listed_buttons_and_none_uploads() -> None:
    script = resources.files("dtbsim.report").joinpath("page.js").read_text(encoding="utf-8")
    assert "modeBarButtons: [" in script, "a list of what is there, so that a new plotly cannot add to it"
    assert "showSendToCloud: false" in script
    assert 'plotlyServerURL: ""' in script
    names = [name for buttons in BUTTONS.values() for name in buttons]
    assert not [name for name in names if re.search("cloud|share|send|chartStudio", name, re.IGNORECASE)]
    known = offline_plotlyjs()
    assert all(f'name:"{name}"' in known for name in names)


def test_figures_are_named_groups_and_pictures_have_texts(elements: Elements) -> None:
    plots = elements.of_class("plot")
    assert len(plots) > 10
    for given in plots:
        assert given["role"] == "group", "an image may not hold buttons"
        assert len(given["aria-label"]) > 8
    assert all(given.get("alt") for tag, given in elements.all if tag == "img")


def test_what_scrolls_can_be_reached_by_the_keyboard(elements: Elements) -> None:
    scrolling = [given for tag, given in elements.all if given.get("class") == "scroll" or tag == "pre"]
    assert len(scrolling) > 3
    for given in scrolling:
        assert given.get("class") == "wrap" or (given.get("tabindex"), given.get("role")) == ("0", "region")
    names = [given["aria-label"] for given in scrolling if "aria-label" in given]
    assert len(names) == len(set(names))


def test_page_has_a_language_one_heading_and_no_jump_between_levels(elements: Elements) -> None:
    assert ("html", {"lang": "en"}) in elements.all
    levels = [int(tag[1]) for tag, _ in elements.all if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [given["id"] for _, given in elements.all if "id" in given]
    assert len(ids) == len(set(ids))
    assert any(given.get("name") == "viewport" for _, given in elements.all)


def palettes() -> dict[str, dict[str, str]]:
    style = resources.files("dtbsim.report").joinpath("page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 3
    named = dict(zip(("light", "dark", "print"), blocks, strict=True))
    return {name: dict(re.findall(r"--(\w+): (#\w+)", block)) for name, block in named.items()}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("ground", ["light", "dark", "print"])
def test_every_text_colour_has_the_contrast_that_wcag_asks_for(ground: str) -> None:
    palette = palettes()["light"] | palettes()[ground]
    for text in ("ink", "soft", "accent", "mark"):
        for behind in ("ground", "raised", "note"):
            assert contrast(palette[text], palette[behind]) >= 4.5, (text, behind)


@pytest.mark.parametrize(("name", "colours"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_texts_in_figures_have_contrast(name: str, colours: dict[str, str]) -> None:
    for behind in (palettes()[name]["ground"], colours["paper"]):
        assert contrast(colours["ink"], behind) >= 4.5
        assert contrast(colours["soft"], behind) >= 4.5
    assert theme.template(colours)["layout"]["modebar"]["color"] == colours["soft"]


@pytest.mark.parametrize(
    ("x", "hemisphere", "expected"),
    [
        ([-30, -20, 25, 30], "LLRR", -1),
        ([30, 20, -25, -30], "LLRR", 1),
        ([90, 80, 20, 10], "LLRR", 1),
        ([-30, -20], "LL", -1),
        ([30, 20], "LL", 1),
        ([30, 20], "RR", -1),
        ([5, 5], "LR", 0),
    ],
)
def test_the_left_side_is_where_the_atlas_has_it(x: list[float], hemisphere: str, expected: int) -> None:
    assert left_side(np.array([[value, 0, 0] for value in x], dtype=float), list(hemisphere)) == expected


def test_sides_that_are_not_known_are_not_named() -> None:
    assert left_side(np.array([[-1.0, 0, 0], [1, 0, 0]]), ["", ""]) == 0


@pytest.mark.parametrize("left", [-1, 1])
def test_the_first_view_has_its_sides_marked(left: int) -> None:
    """The eye is at the left front, looking back; x at the right edge of its picture is forward x up."""
    brain = samples.whole_brain().brain
    assert brain is not None
    figure = figures_brain.brain(dataclasses.replace(brain, left_x=left))
    eye, up = figure.layout.scene.camera.eye, figure.layout.scene.camera.up
    forward = -np.array([eye.x, eye.y, eye.z])
    right_edge = np.cross(forward, [up.x, up.y, up.z])
    letters = [re.sub("<.*?>", "", mark.text) for mark in sorted(figure.layout.annotations, key=lambda mark: mark.x)]
    assert letters == (["R", "L"] if right_edge[0] * left > 0 else ["L", "R"])


def test_views_are_named_by_sides_or_else_by_axes() -> None:
    data = samples.whole_brain()
    assert data.brain is not None
    for left, names in ((-1, ["Left", "Right", "Top", "Front"]), (0, ["\u2212x", "+x", "+z", "+y"])):
        page = render(changed(data, brain=dataclasses.replace(data.brain, left_x=left)))
        assert re.findall("data-view='\\w+'>(.*?)</button>", page) == names
        assert ("L and R mark the sides" in page) == (left != 0)


def of_another_atlas(data: Found, subjects: int | None) -> str:
    assert data.fc is not None
    fc = dataclasses.replace(data.fc, atlas="mouse<1>", subjects=subjects, baselines=[])
    page = render(changed(data, fc=fc))
    return page[page.index("<section id='fc'") : page.index("<section id='fcd'")]


def test_texts_on_measured_fc_say_no_more_than_the_atlas() -> None:
    data = samples.whole_brain()
    unknown = of_another_atlas(data, None)
    assert "The FC that the atlas mouse&lt;1&gt; holds." in unknown
    assert "does not say how many subjects" in unknown
    for false in ("group average", "people", "person", "human", "resting-state example", "linear theory"):
        assert false not in unknown
    one, several = of_another_atlas(data, 1), of_another_atlas(data, 12)
    assert "from 1 subject." in one
    assert "together" not in one
    assert "that of 12 subjects together" in several
    assert "linear theory" in render(data), "where the baseline is there"


def test_the_guide_to_rates_of_human_cortex_is_for_human_cortex() -> None:
    data = samples.whole_brain()
    assert data.population_rates is not None
    shown = {
        cortical: render(changed(data, population_rates=dataclasses.replace(data.population_rates, cortical=cortical)))
        for cortical in (True, False)
    }
    assert "spontaneous rates of cortical populations" in shown[True]
    assert "spontaneous rates of cortical populations" not in shown[False]


def test_pairs_without_a_hemisphere_are_not_within_one() -> None:
    from dtbsim.report.figures_signals import fc_scatter

    fc = samples.whole_brain().fc
    assert fc is not None

    def names(sides: list[str]) -> list[str]:
        return [trace.name for trace in fc_scatter(dataclasses.replace(fc, hemisphere=sides)).data if trace.name]

    n = len(fc.regions)
    assert names([""] * n) == ["pairs of regions"]
    assert names(["L"] * n) == ["pairs of regions"]
    assert names(["L"] * 40 + ["R"] * (n - 41) + [""]) == ["within a hemisphere", "between hemispheres", "other pairs"]
