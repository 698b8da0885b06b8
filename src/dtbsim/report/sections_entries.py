"""The part of the report about the entries of `signals`: what their kinds give is drawn here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.config.signals import SIGNALS
from dtbsim.errors import DtbsimError
from dtbsim.report.figures_panel import draw
from dtbsim.report.parts import Panel, Section
from dtbsim.report.text import safe
from dtbsim.signals import panel as given
from dtbsim.signals.stream import Signal
from dtbsim.store.run_state import FOLDER

if TYPE_CHECKING:
    from dtbsim.report.data import ReportData
    from dtbsim.report.source import Source


def collect_panels(source: Source) -> list[given.Panel]:
    """Return the panels of all signals that are stored, in the order of the configuration.

    Where a kind is of a package that is not installed, its stored values are shown as those of any signal.
    """
    entries = source.config.get("signals")
    found: list[given.Panel] = []
    for name, item in entries.items() if isinstance(entries, dict) else ():
        if not source.recorded(f"{FOLDER}/{name}.zarr"):
            continue
        kind = item.get("kind") if isinstance(item, dict) else None
        signal = SIGNALS.find(kind) if kind in SIGNALS.names() else Signal()
        try:
            panel = signal.panel(source.run, name)
        except DtbsimError:
            raise
        except Exception as error:  # noqa: BLE001 - what a kind of another package does must not cost the report
            source.absent.append(f"signal {name} (its panel failed: {type(error).__name__}: {error})")
            continue
        if panel is None:
            source.absent.append(f"signal {name} (there is nothing to show)")
        else:
            found.append(panel)
    return found


def entries_section(data: ReportData) -> Section | None:
    """Return the panels of all signals."""
    panels = [part for panel in data.panels for part in _panels(panel)]
    return Section("signals", "Signals", "", panels) if panels else None


def _panels(data: given.Panel) -> list[Panel]:
    """The text stands over the first figure."""
    texts = [safe(data.text), *([""] * (len(data.figures) - 1))]
    titles = [safe(data.title), *([""] * (len(data.figures) - 1))]
    return [
        Panel(title, text, draw(figure), f"{data.title}: {', '.join(map(str, figure.names))}")
        for title, text, figure in zip(titles, texts, data.figures, strict=True)
    ]
