"""What a package may show of its own signal in the report: a figure, a number, values for the brain."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dtbsim.report.data import RegionValue
from dtbsim.report.part import Part
from dtbsim.report.parts import ACTIVITY, Headline, Panel, Section


class OwnPart(Part):
    def collect(self, source: Any, kind: Any) -> float:
        (values,) = [kind.read(source.run, name) for name in kind.entries(source.config)][:1]
        return float(values.sel(channel="fano").values[-1])

    def sections(self, found: float) -> list[Section]:
        figure = go.Figure(go.Indicator(value=found))
        figure.update_layout(height=200)
        panel = Panel("Own gauge", "How irregular.", figure, "A gauge", order=15)
        return [Section("own", "Own section", "Of a package.", [panel], order=15), ACTIVITY.of([panel])]

    def region_values(self, found: float, source: Any) -> list[RegionValue]:
        return [RegionValue("own value", "1", np.full(source.atlas.n_regions, found))]

    def headlines(self, found: float) -> list[Headline]:
        return [Headline("Fano factor", f"{found:.3f}")]


class BrokenPart(OwnPart):
    def sections(self, found: float) -> list[Section]:
        raise RuntimeError("no pens left")


OWN, BROKEN = OwnPart(), BrokenPart()
