"""What the parts of a report found, by what it is called there, to look at and to exchange."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from dtbsim.report import data as d
from dtbsim.report.collect import collect as collected

SHOWN = {"spikes": d.SpikesShown, "rates": d.RatesShown, "bold": d.BoldShown}
HOLDER = {
    field.name: kind for kind, shown in SHOWN.items() for field in dataclasses.fields(shown) if field.name != "spectra"
}
LISTED = ("states", "weights", "correlations")


class Found(d.ReportData):
    """A report whose pieces are attributes: `raster`, `fc`, `states`, ..., and `panels` of all entries of signals."""

    def __getattr__(self, name: str) -> Any:
        if name in HOLDER:
            return getattr(self.found.get(HOLDER[name]), name, None)
        if name in LISTED:
            return self.found.get(name, [])
        if name == "spectra":
            return [group for kind in ("rates", "bold") if kind in self.found for group in self.found[kind].spectra]
        raise AttributeError(name)


def collect(run_dir: Path) -> Found:
    data = collected(run_dir)
    return Found(**{field.name: getattr(data, field.name) for field in dataclasses.fields(data)})


def made(**pieces: Any) -> Found:
    """A report of such pieces."""
    own = {field.name for field in dataclasses.fields(d.ReportData)}
    bare = Found(**{name: value for name, value in pieces.items() if name in own})
    return changed(bare, **{name: value for name, value in pieces.items() if name not in own})


def changed(data: d.ReportData, **pieces: Any) -> Found:
    """The report with other pieces; None leaves one out."""
    assert isinstance(data, Found)
    found, own = dict(data.found), {}
    for name, value in pieces.items():
        if name in HOLDER:
            kind = HOLDER[name]
            found[kind] = dataclasses.replace(found.get(kind, SHOWN[kind]()), **{name: value})
        elif name == "spectra":
            for kind, of in (("rates", "rate"), ("bold", "bold")):
                groups = [group for group in value or [] if group.kind == of]
                found[kind] = dataclasses.replace(found.get(kind, SHOWN[kind]()), spectra=groups)
        elif name in LISTED:
            found[name] = value or []
        else:
            own[name] = value
    order = {kind: k for k, kind in enumerate(("spikes", "states", "weights", "rates", "correlations", "bold", "eeg"))}
    return dataclasses.replace(data, found=dict(sorted(found.items(), key=lambda item: order[item[0]])), **own)
