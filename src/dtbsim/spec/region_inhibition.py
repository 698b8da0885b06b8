"""Feedback inhibition of a population of regions: its start in every member, and whether that state is stable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.config.coupling import FeedbackInhibition
from dtbsim.spec.feedback_inhibition import balancing_inhibition, stability_limit, unstable_coupling
from dtbsim.spec.places import Places
from dtbsim.spec.region_compile import CouplingDraft, RegionDraft
from dtbsim.spec.region_network import F64

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def balance(
    key: str,
    item: FeedbackInhibition,
    compiled: Sequence[tuple[Mapping[str, RegionDraft], Sequence[CouplingDraft]]],
    places: Places,
) -> None:
    """Give J_i its start in every member, and say where the state at the target is not stable."""
    unstable: list[tuple[float, Any, csr_array]] = []
    for drafts, couplings in compiled:
        draft = _balanced(key, item, drafts, places)
        other = _not_plain(draft, couplings)
        if other is not None:
            if item.start == "given":
                continue
            message = f"the analytic start knows linear couplings of S_E within '{draft.name}' alone"
            raise places.error(f"controllers.{key}.start", message, f"give start: given; {other} is another")
        matrix = _coupling_of(draft, couplings)
        parameters = draft.model.complete(draft.parameters)
        if item.start == "analytic":
            found = balancing_inhibition(parameters, _strengths(draft, couplings), item.target_rate_hz)
            if not (np.isfinite(found).all() and found.min() > 0):
                message = f"no positive J_i holds all regions at {item.target_rate_hz:g} Hz"
                remedy = "use another target or weaker couplings"
                raise places.error(f"controllers.{key}.target_rate_hz", message, remedy)
            draft.parameters["J_i"] = found
        if item.start == "analytic" or item.interval_ms is not None:
            lost = unstable_coupling(parameters, matrix, item.target_rate_hz)
            unstable += [] if lost is None else [(lost, parameters, matrix)]
    if unstable:
        most, parameters, matrix = max(unstable, key=lambda one: one[0])
        limit = most * stability_limit(parameters, matrix, item.target_rate_hz)
        where = "" if len(compiled) == 1 else f" (in {len(unstable)} of {len(compiled)} members; this is the largest)"
        places.warnings.append(
            f"{places.where(f'controllers.{key}')}: global coupling times the largest eigenvalue of the coupling is "
            f"{most:.4g}{where}; beyond {limit:.4g} the state with all regions at "
            f"{item.target_rate_hz:g} Hz is unstable, and rates leave it: use weaker couplings, or compare the rates"
        )


def _balanced(key: str, item: FeedbackInhibition, drafts: Mapping[str, RegionDraft], places: Places) -> RegionDraft:
    """The population whose rates are held."""
    from dtbsim.models.regions.deco_2014 import Deco2014

    path = f"controllers.{key}.population"
    if item.population not in drafts:
        raise places.error(path, f"'{item.population}' is a population of neurons", "name one of deco_2014")
    draft = drafts[item.population]
    if not isinstance(draft.model, Deco2014):
        message = f"'{item.population}' is of {draft.model.name}, which has no feedback inhibition of this kind"
        raise places.error(path, message, "name a population of deco_2014")
    return draft


def _not_plain(draft: RegionDraft, couplings: Sequence[CouplingDraft]) -> str | None:
    """Name of a coupling onto a population that is not a linear one of its S_E."""
    for coupling in couplings:
        plain = coupling.function in ("linear", "scaling") and not coupling.numbers.get("offset")
        if coupling.target == draft.name and (coupling.source != draft.name or coupling.variable != "S_E" or not plain):
            return str(coupling.name)
    return None


def _strengths(draft: RegionDraft, couplings: Sequence[CouplingDraft]) -> F64:
    """float64[n]: sums of strength times weight by target."""
    total = np.zeros(draft.regions.size)
    for coupling in couplings:
        if coupling.target == draft.name:
            rows = np.repeat(np.arange(draft.regions.size), np.diff(coupling.wiring.starts))
            weights = np.bincount(rows, coupling.wiring.weights.astype(np.float64), draft.regions.size)
            total += coupling.strength * weights
    return total


def _coupling_of(draft: RegionDraft, couplings: Sequence[CouplingDraft]) -> csr_array:
    """All couplings within a population: strength times weight by target and source."""
    from scipy.sparse import csr_array

    n = draft.regions.size
    total = csr_array((n, n))
    for coupling in couplings:
        if coupling.target != draft.name:
            continue
        wiring = coupling.wiring
        strength = np.repeat(np.broadcast_to(np.asarray(coupling.strength, np.float64), (n,)), np.diff(wiring.starts))
        values = strength * wiring.weights.astype(np.float64)
        total = total + csr_array((values, wiring.sources, wiring.starts), shape=(n, n))
    return total
