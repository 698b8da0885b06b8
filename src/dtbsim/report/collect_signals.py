"""BOLD, functional connectivity, its dynamics and spectra of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.report.data import (
    LINEAR_NETWORK,
    Baseline,
    Bold,
    FcDynamics,
    FloatArray,
    FunctionalConnectivity,
    Spectrum,
    SpectrumGroup,
)
from dtbsim.report.layout import each
from dtbsim.report.text import plural

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas
    from dtbsim.report.source import Source

MOST_REGIONS = 2000
"""Beyond this, matrices of all pairs take more memory than a report is worth."""

MOST_BASELINE_REGIONS = 600
"""Fitting the linear network inverts a matrix of all regions some hundred times."""

MOST_FCD_WINDOWS = 300
LONGEST_SEGMENT_S = 128.0


def collect_bold(source: Source) -> Bold | None:
    """Return the recorded BOLD signal in percent."""
    if not source.recorded("bold.zarr"):
        return None
    stored = source.run.bold()
    values = np.asarray(stored.values, dtype=np.float64)
    names = [str(name) for name in stored["region"].values]
    if values.shape[0] < 2 or values.shape[1] == 0:
        source.absent.append("BOLD (fewer than two samples were recorded)")
        return None
    order, groups, shown = source.regions.order, source.regions.groups, source.regions.names
    if names != list(source.run.network.get("regions") or []):
        order, groups, shown = np.arange(len(names)), each(names), names
    return Bold(
        time_s=np.asarray(stored["time_s"].values, dtype=np.float64),
        percent=np.where(np.isfinite(values), 100 * values, np.nan),
        regions=list(shown),
        order=order,
        groups=groups,
        tr_s=float(stored.attrs["tr_s"]),
    )


def analyse(source: Source, bold: Bold | None) -> dict[str, Any] | None:
    """Return the numbers of `dtbsim.analysis.summary.analyse_resting_state`, or None where they cannot be had."""
    if bold is None:
        return None
    from dtbsim.analysis.fc import MIN_REGIONS

    if len(bold.regions) > MOST_REGIONS:
        source.absent.append(f"functional connectivity (more than {MOST_REGIONS} regions)")
        return None
    if len(bold.regions) < MIN_REGIONS:
        known = plural(len(bold.regions), "region")
        source.absent.append(f"functional connectivity ({known} with BOLD; at least {MIN_REGIONS} are needed)")
        return None
    if not np.isfinite(bold.percent).all():
        source.absent.append("functional connectivity (BOLD holds values that are not numbers)")
        return None
    from dtbsim.analysis.summary import analyse_resting_state

    atlas = _matching_atlas(source, bold)
    window_s, step_s = _fcd_window(source, bold)
    fcd = atlas.fcd if atlas is not None else None
    if fcd is not None and max(abs(fcd.window_s - window_s), abs(fcd.step_s - step_s)) > bold.tr_s / 2:
        fcd = None  # another window gives another distribution
    try:
        return analyse_resting_state(
            bold.percent,
            bold.tr_s,
            weights=_weights(atlas) if atlas is not None and atlas.n_regions <= MOST_BASELINE_REGIONS else None,
            fc_empirical=None if atlas is None else atlas.fc,
            fcd_counts=None if fcd is None else fcd.hist,
            fcd_edges=None if fcd is None else fcd.bin_edges,
            fcd_window_s=window_s,
            fcd_step_s=step_s,
        )
    except InputError as error:
        source.absent.append(f"functional connectivity ({error.message})")
        return None


def collect_fc(source: Source, bold: Bold | None, analysis: dict[str, Any] | None) -> FunctionalConnectivity | None:
    """Return simulated and measured FC with baselines."""
    if bold is None or analysis is None:
        return None
    from dtbsim.analysis.fc import functional_connectivity

    atlas = _matching_atlas(source, bold)
    try:
        simulated = functional_connectivity(bold.percent, constant="nan")
    except InputError as error:
        source.absent.append(f"functional connectivity ({error.message})")
        return None
    if not np.isfinite(simulated[np.triu_indices(len(simulated), 1)]).any():
        source.absent.append("functional connectivity (no two regions have a signal that changes)")
        return None
    return FunctionalConnectivity(
        simulated=simulated,
        regions=bold.regions,
        order=bold.order,
        groups=bold.groups,
        hemisphere=source.regions.hemisphere if atlas is not None else [""] * len(bold.regions),
        empirical=None if atlas is None else atlas.fc,
        correlation=analysis["fc_correlation"],
        baselines=_baselines(source, analysis),
        details=_details(analysis),
        atlas="" if atlas is None else atlas.name,
        subjects=None if atlas is None or atlas.fc_leave_one_out is None else len(atlas.fc_leave_one_out),
    )


def _baselines(source: Source, analysis: dict[str, Any]) -> list[Baseline]:
    known = analysis.get("baselines") or {}
    result = []
    if "structural" in known:
        note = "the weights of the connectome, taken as if they were FC"
        result.append(Baseline("structural connectivity", known["structural"], note))
        note = "their logarithm, over the pairs that are connected"
        result.append(Baseline("log structural connectivity", known["log_structural"], note))
    if "linear_network" in known:
        note = "a linear noisy network on this connectome, its one coupling fitted to the same measured FC"
        result.append(Baseline(LINEAR_NETWORK, known["linear_network"]["correlation"], note))
    scans = source.atlas.fc_leave_one_out if source.atlas is not None else None
    if scans is not None and len(scans):
        note = (
            f"the FC of each of the {len(scans)} subjects behind the measured FC, held against the average of the "
            f"others: r from {np.min(scans):.2f} to {np.max(scans):.2f}, a ceiling in practice"
        )
        low, high = float(np.min(scans)), float(np.max(scans))
        result.append(Baseline("single subjects", float(np.mean(scans)), note, low, high))
    return result


def _details(analysis: dict[str, Any]) -> list[str]:
    """Return sentences with the further numbers that belong beside the correlation."""
    result = []
    halves = analysis.get("fc_correlation_halves")
    if halves is not None:
        result.append(f"First and second half of the recording alone: r = {halves[0]:.3f} and {halves[1]:.3f}.")
    if analysis.get("fc_correlation_bandpassed") is not None:
        result.append(f"BOLD band-passed from 0.01 to 0.1 Hz: r = {analysis['fc_correlation_bandpassed']:.3f}.")
    linear = (analysis.get("baselines") or {}).get("linear_network") or {}
    flat = analysis.get("fc_correlation_without_node_strength")
    if flat is not None:
        line = f"Without node strength (which regions are hubs): r = {flat:.3f}"
        if linear.get("without_node_strength") is not None:
            line += f"; the linear network: {linear['without_node_strength']:.3f}"
        result.append(line + ".")
    similarity = linear.get("similarity_to_simulated_fc")
    if similarity is not None:
        result.append(f"Simulated FC against that of the linear network: r = {similarity:.3f}.")
    if analysis.get("mean_abs_fc") is not None and analysis.get("mean_abs_fc_empirical") is not None:
        result.append(f"Mean |FC|: {analysis['mean_abs_fc']:.2f}, measured {analysis['mean_abs_fc_empirical']:.2f}.")
    return result


def collect_fcd(source: Source, bold: Bold | None, analysis: dict[str, Any] | None) -> FcDynamics | None:
    """Return the FCD matrix (thinned to at most MOST_FCD_WINDOWS windows) and the distribution of all its values."""
    if bold is None or analysis is None or analysis.get("fcd_mean") is None:
        return None
    from dtbsim.analysis.fc import constant_regions
    from dtbsim.analysis.fcd import fcd_matrix, fcd_values

    window_s, step_s = _fcd_window(source, bold)
    signal = bold.percent[:, ~constant_regions(bold.percent)]
    matrix = fcd_matrix(signal, bold.tr_s, window_s=window_s, step_s=step_s)
    centres = bold.time_s[0] + np.arange(len(matrix)) * step_s + window_s / 2
    reference = source.atlas.fcd if source.atlas is not None and analysis.get("fcd_ks") is not None else None
    edges = np.linspace(-1, 1, 101) if reference is None else np.asarray(reference.bin_edges, dtype=float)
    values = fcd_values(matrix)
    shares = np.histogram(values, bins=edges)[0] / values.size
    thin = -(-len(matrix) // MOST_FCD_WINDOWS)
    return FcDynamics(
        matrix=matrix[::thin, ::thin],
        time_s=centres[::thin],
        bin_edges=edges,
        density=shares / np.diff(edges),
        window_s=window_s,
        step_s=step_s,
        empirical_density=None if reference is None else reference.hist / np.diff(edges),
        ks=analysis["fcd_ks"],
        ks_single_scans=None if reference is None else reference.single_scan_ks,
    )


def collect_bold_spectrum(bold: Bold | None) -> list[SpectrumGroup]:
    """Return the power spectrum of BOLD: the median region, and the 10 to 90 % range over regions."""
    if bold is None:
        return []
    from dtbsim.analysis.activity import power_spectrum

    finite = bold.percent[:, np.isfinite(bold.percent).all(axis=0)]
    duration_s = len(finite) * bold.tr_s
    segment_s = min(LONGEST_SEGMENT_S, duration_s / 3)
    if finite.shape[1] == 0 or segment_s < 8 * bold.tr_s:
        return []
    frequency, power = power_spectrum(finite, bin_s=bold.tr_s, segment_s=segment_s)
    inner = slice(1, -1)  # without the mean and the Nyquist frequency, which one-sided densities halve
    low, middle, high = np.quantile(power[inner], [0.1, 0.5, 0.9], axis=1)
    ranged = finite.shape[1] >= 5
    spectrum = Spectrum("BOLD", frequency[inner], middle, low if ranged else None, high if ranged else None)
    return [SpectrumGroup("bold", "%² / Hz", [spectrum])]


def _fcd_window(source: Source, bold: Bold) -> tuple[float, float]:
    """Return window and step (s) as they are used: whole samples."""
    settings = source.config.get("analysis") or {}
    window, step = (float(settings.get(f"fcd_{key}_s", default)) for key, default in (("window", 60.0), ("step", 2.16)))
    return round(window / bold.tr_s) * bold.tr_s, round(step / bold.tr_s) * bold.tr_s


def _matching_atlas(source: Source, bold: Bold) -> Atlas | None:
    """Return the atlas where its regions are those of the BOLD signal."""
    atlas = source.atlas
    return atlas if atlas is not None and bold.regions == list(atlas.display_names) else None


def _weights(atlas: Atlas) -> FloatArray:
    return np.asarray(atlas.weights.toarray() if atlas.is_sparse else atlas.weights, dtype=np.float64)
