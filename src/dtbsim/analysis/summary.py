"""One call for a resting-state run: BOLD in, the numbers of the report out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.analysis.baselines import LinearFit, best_linear_network, log_structural_correlation, structural_correlation
from dtbsim.analysis.fc import (
    MIN_REGIONS,
    MIN_SAMPLES,
    bandpass,
    check_bold,
    check_square,
    constant_regions,
    fc_correlation,
    fc_correlation_without_node_strength,
    functional_connectivity,
)
from dtbsim.analysis.fcd import fcd_matrix, fcd_values, ks_distance_to_histogram
from dtbsim.errors import InputError

Floats = NDArray[np.float64]


def analyse_resting_state(
    bold: ArrayLike,
    tr_s: float,
    *,
    weights: ArrayLike | None = None,
    fc_empirical: ArrayLike | None = None,
    fcd_counts: ArrayLike | None = None,
    fcd_edges: ArrayLike | None = None,
    fcd_window_s: float = 60.0,
    fcd_step_s: float = 2.16,
) -> dict[str, Any]:
    """Compare simulated BOLD with measured data, with the baselines that such a comparison needs.

    A number that the data do not allow is None, and `notes` says why (too short for FCD, no measured FC, ...). Regions
    with a constant signal have no correlations: they are left out everywhere, and listed.

    Args:
        bold: [T, n] samples.
        tr_s: time between samples (s).
        weights: [n, n] structural weights, row = target.
        fc_empirical: [n, n] measured FC.
        fcd_counts: [bins] histogram of measured FCD entries, with `fcd_edges` [bins + 1].
        fcd_edges: see `fcd_counts`.
        fcd_window_s: window of the FCD (s); that of the histogram.
        fcd_step_s: step of the FCD (s); that of the histogram.

    Returns:
        A dict of plain Python values, ready for JSON:
        samples, duration_s, regions, constant_regions; mean_fc and mean_abs_fc (upper triangle), mean_fc_empirical,
        mean_abs_fc_empirical; fc_correlation (simulated against measured FC, Pearson of the upper triangles),
        fc_correlation_halves (first and second half of the samples), fc_correlation_bandpassed (0.01 to 0.1 Hz),
        fc_correlation_without_node_strength; fcd_mean, fcd_sd, fcd_ks (against the histogram);
        baselines: structural, log_structural, linear_network (correlation, coupling, kind,
        without_node_strength, similarity_to_simulated_fc); notes.

    Raises:
        InputError: shapes that do not fit together, or NaN in the data.
    """
    signal = check_bold(bold)
    n = signal.shape[1]
    structure = _fitting(weights, n, "weights")
    measured = _fitting(fc_empirical, n, "measured FC")
    if (fcd_counts is None) != (fcd_edges is None):
        raise InputError("fcd_counts and fcd_edges belong together; only one of them is given")
    notes: list[str] = []
    flat = constant_regions(signal)
    if flat.any():
        notes.append(f"{int(flat.sum())} regions with a constant signal are left out")
        keep = np.flatnonzero(~flat)
        signal = signal[:, keep]
        structure = None if structure is None else structure[np.ix_(keep, keep)]
        measured = None if measured is None else measured[np.ix_(keep, keep)]
    result: dict[str, Any] = {
        "samples": signal.shape[0],
        "duration_s": signal.shape[0] * tr_s,
        "regions": n,
        "constant_regions": [int(index) for index in np.flatnonzero(flat)],
    }
    if signal.shape[1] < MIN_REGIONS:
        notes.append(f"{signal.shape[1]} regions with a signal: at least {MIN_REGIONS} are needed for connectivity")
        signal = signal[:, :0]
    result |= _connectivity(signal, tr_s, measured, notes)
    result |= _dynamics(signal, tr_s, fcd_counts, fcd_edges, (fcd_window_s, fcd_step_s), notes)
    result["baselines"] = _baselines(signal, structure, measured, notes)
    result["notes"] = notes
    return result


def _connectivity(signal: Floats, tr_s: float, measured: Floats | None, notes: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = dict.fromkeys(
        (
            "mean_fc",
            "mean_abs_fc",
            "mean_fc_empirical",
            "mean_abs_fc_empirical",
            "fc_correlation",
            "fc_correlation_halves",
            "fc_correlation_bandpassed",
            "fc_correlation_without_node_strength",
        )
    )
    if not signal.size:
        return result
    fc = functional_connectivity(signal)
    result["mean_fc"], result["mean_abs_fc"] = _means(fc)
    if measured is None:
        notes.append("no measured FC to compare with")
        return result
    result["mean_fc_empirical"], result["mean_abs_fc_empirical"] = _means(measured)
    result["fc_correlation"] = fc_correlation(fc, measured)
    if fc.shape[0] > MIN_REGIONS:
        result["fc_correlation_without_node_strength"] = fc_correlation_without_node_strength(fc, measured)
    half = signal.shape[0] // 2
    halves = (signal[:half], signal[half:])
    if half >= MIN_SAMPLES and not any(constant_regions(part).any() for part in halves):
        result["fc_correlation_halves"] = [fc_correlation(functional_connectivity(part), measured) for part in halves]
    else:
        notes.append("halves: too short, or a region is constant in one of them")
    try:
        filtered = bandpass(signal, tr_s)
    except InputError as error:
        notes.append(f"band-passed: {error}")
    else:
        result["fc_correlation_bandpassed"] = fc_correlation(functional_connectivity(filtered), measured)
    return result


def _dynamics(
    signal: Floats,
    tr_s: float,
    counts: ArrayLike | None,
    edges: ArrayLike | None,
    window_and_step_s: tuple[float, float],
    notes: list[str],
) -> dict[str, Any]:
    result: dict[str, Any] = {"fcd_mean": None, "fcd_sd": None, "fcd_ks": None}
    if not signal.size:
        return result
    try:
        fcd = fcd_matrix(signal, tr_s, window_s=window_and_step_s[0], step_s=window_and_step_s[1])
    except InputError as error:
        notes.append(f"FCD: {error}")
        return result
    values = fcd_values(fcd)
    result["fcd_mean"], result["fcd_sd"] = float(values.mean()), float(values.std())
    if counts is None or edges is None:
        notes.append("no measured FCD to compare with")
    else:
        result["fcd_ks"] = ks_distance_to_histogram(values, counts, edges)
    return result


def _baselines(
    signal: Floats, structure: Floats | None, measured: Floats | None, notes: list[str]
) -> dict[str, Any] | None:
    """The baselines, of the regions that have a signal; None without structure, measured FC or signal."""
    if structure is None or measured is None or not signal.size:
        return None
    try:
        fit = best_linear_network(structure, measured)
        return {
            "structural": structural_correlation(structure, measured),
            "log_structural": log_structural_correlation(structure, measured),
            "linear_network": _linear_entry(fit, measured, functional_connectivity(signal)),
        }
    except InputError as error:
        notes.append(f"baselines: {error}")
        return None


def _linear_entry(fit: LinearFit, measured: Floats, simulated: Floats) -> dict[str, Any]:
    enough = simulated.shape[0] > MIN_REGIONS
    return {
        "correlation": fit.correlation,
        "coupling": fit.coupling,
        "kind": fit.kind,
        "without_node_strength": fc_correlation_without_node_strength(fit.fc, measured) if enough else None,
        "similarity_to_simulated_fc": fc_correlation(fit.fc, simulated),
    }


def _means(fc: Floats) -> tuple[float, float]:
    values = fc[np.triu_indices(fc.shape[0], k=1)]
    return float(values.mean()), float(np.abs(values).mean())


def _fitting(matrix: ArrayLike | None, n: int, name: str) -> Floats | None:
    if matrix is None:
        return None
    square = check_square(matrix, name=name)
    if square.shape[0] != n:
        raise InputError(f"{name} has {square.shape[0]} regions and BOLD has {n}")
    return square
