"""plotly.js as it goes into a page: without the addresses that its code could contact."""

from __future__ import annotations

import re

from plotly.offline import get_plotlyjs

_ADDRESS = re.compile(r"""(?<=["'`])https?://(?!www\.w3\.org/)""")
"""The beginning of a web address in a string of the code; names of XML vocabularies (www.w3.org) are no addresses."""

BUTTONS = {
    "plane": ["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"],
    "space": ["toImage", "zoom3d", "pan3d", "orbitRotation", "resetCameraDefault3d"],
}
"""All buttons of a figure's toolbar, by kind of figure. Others, such as those that upload a figure, are never shown."""


def offline_plotlyjs() -> str:
    """Return the text of plotly.js in which no string is a web address: map tiles, fonts and uploads lead nowhere."""
    return _ADDRESS.sub("about:blank#", get_plotlyjs())
