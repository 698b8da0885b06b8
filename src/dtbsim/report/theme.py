"""Colours and plotly templates: legible on light and dark ground, safe for colour-blind readers.

Hues follow Okabe and Ito (2008, Color Universal Design), moved to middle lightness so that one colour works on both
grounds; the two members of a hue (strong, light) stand for excitatory and inhibitory cells of the same layer.
"""

from __future__ import annotations

from typing import Any

HUES = (
    ("#2b76b9", "#5ba5de"),  # blue
    ("#d1591e", "#e99a4b"),  # vermilion, orange
    ("#0f8f6f", "#45b596"),  # green
    ("#96579b", "#c985bf"),  # purple
    ("#94801c", "#c9ae3c"),  # olive, yellow
    ("#66727f", "#9aa5b0"),  # grey
)
EXCITATORY, INHIBITORY = HUES[0][0], HUES[1][0]
ACCENT = HUES[0][0]
CONTRAST = HUES[1][0]
NEUTRAL = "#808b97"
BAND = "rgba(128, 139, 151, 0.16)"
SEQUENTIAL = "Viridis"
DIVERGING = "RdBu_r"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

LIGHT = {"ink": "#1b2733", "soft": "#5b6875", "grid": "#e4e8ec", "line": "#b9c2cb", "paper": "#ffffff"}
DARK = {"ink": "#e3e8ee", "soft": "#9aa7b4", "grid": "#27313b", "line": "#44515e", "paper": "#151c23"}


def stem(family: str) -> str:
    """Return the family name without a trailing E or I: `L23E` and `L23I` share a stem, so do `E` and `I`."""
    return family[:-1] if family[-1:] in ("E", "I") else family


def family_colours(families: list[str]) -> dict[str, str]:
    """Give every population family one colour, the same in every figure.

    A single pair E, I gets blue and vermilion; several pairs (layers) get one hue each, E strong and I light.
    """
    stems = list(dict.fromkeys(stem(family) for family in families))
    if len(stems) == 1 and len(families) == 2:
        return {family: INHIBITORY if family.endswith("I") else EXCITATORY for family in families}
    colours = {}
    for family in families:
        hue = HUES[stems.index(stem(family)) % len(HUES)]
        colours[family] = hue[1] if family.endswith("I") and len(families) > 1 else hue[0]
    return colours


def translucent(colour: str, alpha: float) -> str:
    """Return `#rrggbb` as an rgba() colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def template(colours: dict[str, str]) -> dict[str, Any]:
    """Return a plotly template for one ground (`LIGHT` or `DARK`)."""
    axis = {
        "gridcolor": colours["grid"],
        "linecolor": colours["line"],
        "tickcolor": colours["line"],
        "zerolinecolor": colours["grid"],
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": True,
        "title": {"font": {"size": 13, "color": colours["soft"]}, "standoff": 8},
        "tickfont": {"size": 11.5, "color": colours["soft"]},
    }
    scene_axis = {"visible": False, "showspikes": False}
    bar = {"outlinewidth": 0, "thickness": 12, "ticks": "", "tickfont": {"size": 11, "color": colours["soft"]}}
    bar["title"] = {"font": {"size": 12, "color": colours["soft"]}}
    return {
        "layout": {
            "font": {"family": FONT, "size": 12.5, "color": colours["ink"]},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": [hue[0] for hue in HUES],
            "xaxis": axis,
            "yaxis": axis,
            "scene": {"xaxis": scene_axis, "yaxis": scene_axis, "zaxis": scene_axis, "bgcolor": "rgba(0,0,0,0)"},
            "legend": {"font": {"size": 12, "color": colours["ink"]}, "bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {
                "bgcolor": colours["paper"],
                "bordercolor": colours["line"],
                "font": {"family": FONT, "size": 12.5, "color": colours["ink"]},
            },
            "annotationdefaults": {"font": {"size": 12, "color": colours["soft"]}, "showarrow": False},
            "coloraxis": {"colorbar": bar},
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours["soft"],
                "activecolor": colours["ink"],
            },
            "margin": {"l": 60, "r": 16, "t": 16, "b": 48},
        },
        "data": {"heatmap": [{"colorbar": bar}], "mesh3d": [{"colorbar": bar}]},
    }
