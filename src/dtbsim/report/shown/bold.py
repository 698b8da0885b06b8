"""BOLD in the report, with functional connectivity and its dynamics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report import collect_signals as signals
from dtbsim.report import figures_signals as draw
from dtbsim.report.brain_values import fc_edges, signal_values
from dtbsim.report.data import (
    LINEAR_NETWORK,
    Bold,
    BoldShown,
    Edges,
    FcDynamics,
    FunctionalConnectivity,
    RegionValue,
    SpectrumGroup,
)
from dtbsim.report.part import Part
from dtbsim.report.parts import Headline, Panel, Section
from dtbsim.report.text import plural, safe, significant

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal


class BoldPart(Part):
    """Of `bold`."""

    def collect(self, source: Source, kind: Signal) -> BoldShown:
        """Return BOLD and what follows from it."""
        bold = signals.collect_bold(source)
        analysis = signals.analyse(source, bold)
        fc = signals.collect_fc(source, bold, analysis)
        fcd = signals.collect_fcd(source, bold, analysis)
        return BoldShown(bold, fc, fcd, signals.collect_bold_spectrum(bold))

    def sections(self, found: BoldShown) -> list[Section]:
        """Return a section each for the signal, its connectivity and the dynamics of that."""
        sections = [] if found.bold is None else [_bold(found.bold, found.spectra)]
        sections += [] if found.fc is None else [_fc(found.fc)]
        return sections + ([] if found.fcd is None else [_fcd(found.fcd)])

    def region_values(self, found: BoldShown, source: Source) -> list[RegionValue]:
        """Return the strength of FC and the size of BOLD, and how well FC is that of the atlas."""
        return signal_values(source.atlas, found.bold, found.fc)

    def edges(self, found: BoldShown, source: Source) -> list[Edges]:
        """Return the strongest functional connections."""
        return fc_edges(found.fc)

    def headlines(self, found: BoldShown) -> list[Headline]:
        """Return the correlation with measured FC."""
        if found.fc is None or found.fc.correlation is None:
            return []
        value = f"{found.fc.correlation:.3f}"
        return [Headline("FC correlation", value, "", "with the measured FC", accent=True)]


def _bold(b: Bold, spectra: list[SpectrumGroup]) -> Section:
    lead = (
        "The blood-oxygen signal that a scanner would see: the activity of every region passed through the "
        f"Balloon-Windkessel model (Friston 2003) and sampled every {significant(b.tr_s)} s."
    )
    text = "Signal change of a few regions, set one above the other; the bar at the right gives the scale."
    panels = [Panel("Traces", text, draw.bold_traces(b), "BOLD traces of a few regions")]
    if (np.nanstd(b.percent[:, np.isfinite(b.percent).any(axis=0)], axis=0) > 0).any():
        text = (
            "All regions, each scaled to its own standard deviation. Vertical stripes are moments that regions share."
        )
        panels.append(Panel("All regions", text, draw.bold_carpet(b), "BOLD of all regions as an image"))
    for group in spectra:
        text = "Power by frequency (Welch's method): the median region, and the range of 80 % of the regions."
        panels.append(Panel("BOLD spectrum", text, draw.spectrum(group), "Power spectrum of BOLD"))
    return Section("bold", "BOLD signal", lead, panels, order=30)


def _fc(fc: FunctionalConnectivity) -> Section:
    """FC matrices, scatter, baselines and caveats."""
    lead = "Functional connectivity (FC) is the correlation of the BOLD signals of every two regions."
    if len(fc.groups.labels) < len(fc.regions):
        lead += f" Regions are sorted into {plural(len(fc.groups.labels), 'group')}, named at the left."
    if fc.empirical is None:
        panel = Panel("Simulated", "This run.", draw.fc_matrix(fc, fc.simulated), "Matrix of the simulated FC")
        lead += " There is no measured FC to compare with."
        return Section("fc", "Functional connectivity", lead, [panel], order=40)
    lead += " Both matrices have the same colours and order; a good model has the same blocks."
    measured = f"The FC that the atlas {safe(fc.atlas)} holds" if fc.atlas else "The measured FC"
    if fc.subjects is not None:
        measured += f", from {plural(fc.subjects, 'subject')}"
    simulated, empirical = draw.fc_matrix(fc, fc.simulated), draw.fc_matrix(fc, fc.empirical)
    panels = [
        Panel("Simulated", "This run.", simulated, "Matrix of the simulated FC", wide=False),
        Panel("Measured", f"{measured}.", empirical, "Matrix of the measured FC", wide=False),
    ]
    found = "" if fc.correlation is None else f": r = {fc.correlation:.3f} over the upper triangle"
    text = f"One point for every pair of regions{found}. The grey line is the regression."
    details = "".join(f"<li>{safe(line)}</li>" for line in fc.details)
    body = f"<ul class='notes'>{details}</ul>" if details else ""
    panels.append(Panel("Pair by pair", text, draw.fc_scatter(fc), "Simulated against measured FC", body, wide=False))
    if fc.correlation is not None:
        panels += _baseline_panels(fc)
    return Section("fc", "Functional connectivity", lead, panels, order=40)


def _baseline_panels(fc: FunctionalConnectivity) -> list[Panel]:
    notes = "".join(f"<li><b>{safe(b.label)}</b>: {safe(b.note)}</li>" for b in fc.baselines if b.note)
    text = "What simpler predictors reach on the same measured FC"
    text += ", and how well its subjects agree with each other." if fc.subjects is not None else "."
    if not fc.baselines:
        text = "The correlation of this run; no baselines are known for this atlas."
    body = f"<ul class='notes'>{notes}</ul>" if notes else ""
    panel = Panel("How good is that?", text, draw.fc_baselines(fc), "FC correlation and baselines", body, wide=False)
    return [panel, Panel("What this does not show", "", body=_caveats(fc), callout=True)]


def _caveats(fc: FunctionalConnectivity) -> str:
    items = [
        "The strength of the global coupling is a free parameter. Where it was chosen by this same FC, the correlation "
        "is a fit, not a prediction: it was not tested on data that were not used to choose it.",
        "Much of such a score says which regions are hubs: hold it against the correlation without node strength.",
    ]
    if any(baseline.label == LINEAR_NETWORK for baseline in fc.baselines):
        items[1] += (
            " Near its critical point a network has an FC close to what linear theory computes from the structure "
            "alone; where the similarity to the linear network is near 1, the spikes add little to this number."
        )
    if fc.subjects is None:
        items.append(
            "The atlas does not say how many subjects its FC comes from. Agreement with an average says nothing about "
            "a single subject, and agreement with one subject nothing about others."
        )
    elif fc.subjects > 1:
        items.append(
            f"The measured FC is that of {plural(fc.subjects, 'subject')} together. Nothing here says that the FC of a "
            "single one is reproduced."
        )
    items.append(
        "FC is a static, symmetric, second-order measure: agreement in it says nothing about timing, direction of "
        "influence, or frequencies above those of BOLD."
    )
    return "<ul class='caveats'>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _fcd(fcd: FcDynamics) -> Section:
    """FCD matrix and distribution."""
    lead = (
        f"FC computed in windows of {significant(fcd.window_s)} s, every {significant(fcd.step_s)} s, and the "
        "correlation of the FCs of every two windows (FCD): blocks off the diagonal are states that last or come back."
    )
    text = "The distribution of the matrix's upper triangle, windows that overlap included."
    if fcd.ks is not None:
        text += f" Kolmogorov-Smirnov distance to the measured distribution: {fcd.ks:.2f} (0 is equal, 1 disjoint)."
        if fcd.ks_single_scans is not None and len(fcd.ks_single_scans):
            low, high = float(fcd.ks_single_scans.min()), float(fcd.ks_single_scans.max())
            text += f" Single scans behind the measured distribution lie at {low:.2f} to {high:.2f} from it."
    panels = [
        Panel(
            "FCD matrix",
            "Times are those of the recorded BOLD.",
            draw.fcd_matrix(fcd),
            "FCD matrix",
            wide=False,
        ),
        Panel("Distribution", text, draw.fcd_distribution(fcd), "Distribution of FCD values", wide=False),
    ]
    return Section("fcd", "FC dynamics", lead, panels, order=50)


BOLD = BoldPart()
