"""Coupling through the connectome is that of the intact atlas: what is left out or set to zero changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.small_atlas import REGIONS, WEIGHTS, save_small_atlas

from dtbsim.atlas import Atlas, load_atlas, save_atlas
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.spec import Network, compile_network

N = 50
RULES = {
    "indegree": ("{kind: fixed_indegree, indegree: 100000}", "indegree"),
    "total": ("{kind: fixed_total_number, total: 8000}", "indegree"),
    "outdegree": ("{kind: fixed_outdegree, outdegree: 400}", "indegree"),
    "probability": ("{kind: pairwise_bernoulli, probability: 0.5}", "indegree"),
    "weight of an indegree": ("{kind: fixed_indegree, indegree: 120000}", "weight"),
    "weight of a total": ("{kind: fixed_total_number, total: 1000}", "weight"),
    "weight of all": ("{kind: all_to_all}", "weight"),
}


def network(
    folder: Path, rule: str, regions: str = "all", atlas: str = "small.npz", reference: float | None = None
) -> Network:
    text, scales = RULES[rule]
    given = "" if reference is None else f"connectome_reference: {float(reference)!r}"
    config = load_config_text(f"""
atlas: {atlas}
simulation: {{dt_ms: 0.1, duration_ms: 10}}
populations: {{E: {{model: iaf_psc_exp, size: {N}, regions: {regions}}}}}
projections:
  EE:
    source: E
    target: E
    scope: connectome
    connectome_scales: {scales}
    rule: {text}
    weight_pA: 2
    delay_ms: 1
    {given}
""")
    return compile_network(config, folder)


def coupling(found: Network) -> Any:
    """Expected weight (pA) of all synapses [target, source] onto one neuron, NaN where one of the regions is absent."""
    (projection,), entries = found.projections, found.entries
    matrix = np.zeros((len(REGIONS), len(REGIONS)))
    region = np.array([population.region for population in found.populations])
    pairs = region[entries.target], region[entries.source]
    matrix[pairs] = entries.synapses / N * projection.weight.mean * projection.weight_factor
    absent = np.setdiff1d(np.arange(len(REGIONS)), region)
    matrix[absent], matrix[:, absent] = np.nan, np.nan
    return matrix


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_small_atlas(tmp_path)
    return tmp_path


def expected(rule: str) -> Any:
    """From the definition, for the intact atlas."""
    strongest, largest = WEIGHTS.sum(axis=1).max(), WEIGHTS.max()
    links = np.maximum((WEIGHTS > 0).sum(axis=1), 1)[:, None]
    return (
        2.0
        * {
            "indegree": 100000 * WEIGHTS / strongest,
            "total": 8000 / N * WEIGHTS / largest,
            "outdegree": 400 * WEIGHTS / largest,
            "probability": 0.5 * N * WEIGHTS / largest,
            "weight of an indegree": 120000 / links * WEIGHTS / largest,
            "weight of a total": 1000 / N * WEIGHTS / largest,
            "weight of all": N * WEIGHTS / largest,
        }[rule]
    )


@pytest.mark.parametrize("rule", RULES)
def test_the_intact_atlas(folder: Path, rule: str) -> None:
    np.testing.assert_allclose(coupling(network(folder, rule)), expected(rule), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("removed", REGIONS)
def test_a_region_left_out_changes_no_other_connection(folder: Path, rule: str, removed: str) -> None:
    kept = [region for region in REGIONS if region != removed]
    found = coupling(network(folder, rule, f"[{', '.join(kept)}]"))
    left = ~np.isnan(found)
    assert left.sum() == 16
    np.testing.assert_allclose(found[left], expected(rule)[left], rtol=1e-4, atol=1e-9)


def test_a_half_keeps_its_coupling(folder: Path) -> None:
    found = coupling(network(folder, "indegree", "left"))
    np.testing.assert_allclose(found[:2, :2], expected("indegree")[:2, :2], rtol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_a_region_set_to_zero_changes_no_other_connection(folder: Path, rule: str) -> None:
    """The atlas does not say what it was, so the reference of the intact one is given: network.json has it."""
    intact = network(folder, rule)
    reference = intact.projections[0].reference
    assert reference == (WEIGHTS.sum(axis=1).max() if rule == "indegree" else WEIGHTS.max())
    weights = WEIGHTS.copy()
    weights[2], weights[:, 2] = 0.0, 0.0
    atlas: Atlas = load_atlas("small.npz", base_dir=folder)
    save_atlas(replace(atlas, weights=weights, lengths_mm=None, lengths_source="none"), folder / "lesioned.npz")
    found = coupling(network(folder, rule, atlas="lesioned.npz", reference=reference))
    if rule != "weight of an indegree":  # which is shared by the regions that are connected
        np.testing.assert_allclose(found, np.where(weights > 0, expected(rule), 0.0), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("rule", ["indegree", "total", "outdegree", "weight of a total", "weight of all"])
def test_a_reference_divides(folder: Path, rule: str) -> None:
    default = WEIGHTS.sum(axis=1).max() if rule == "indegree" else WEIGHTS.max()
    doubled = coupling(network(folder, rule, reference=default / 2))
    np.testing.assert_allclose(doubled, 2 * expected(rule), rtol=1e-4)
    tenth = coupling(network(folder, rule, reference=10 * default))
    half_a_synapse_pA = 2.0 * 0.5
    np.testing.assert_allclose(tenth, expected(rule) / 10, atol=1e-9 if "weight" in rule else half_a_synapse_pA + 1e-9)


def test_weights_far_below_their_reference_keep_their_ratios(folder: Path) -> None:
    found = network(folder, "weight of all", reference=1e12)
    (projection,) = found.projections
    assert projection.weight_factor.max() == 1.0
    assert projection.weight.mean == pytest.approx(2 * WEIGHTS.max() / 1e12)
    assert found.families[0].channels[0].quantum < projection.weight.mean / 128


@pytest.mark.parametrize(
    ("rule", "reference", "message"),
    [
        ("probability", 2.0, r"EE.connectome_reference: a probability of 1.25; at most 1 .* at least 2.5\)"),
        ("indegree", 1e-9, r"an in-degree of 8e\+14; at most 2,147,483,647 can be"),
        ("total", 1e-300, r"a total of 4e\+304; at most"),
        ("outdegree", 1e-12, r"an out-degree of 2e\+15; at most 4,294,967,295"),
    ],
)  # fmt: skip
def test_a_reference_that_is_too_small(folder: Path, rule: str, reference: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(folder, rule, reference=reference)


def test_a_reference_without_a_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "all", ("{kind: all_to_all}", "indegree"))
    with pytest.raises(InputError, match="no number of all_to_all follows the connectome"):
        network(folder, "all", reference=1.0)
    text = """
simulation: {dt_ms: 0.1, duration_ms: 10}
populations: {E: {model: iaf_psc_exp, size: 5}}
projections: {EE: {source: E, target: E, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1, connectome_reference: 1}}
"""
    with pytest.raises(InputError, match=r"EE.connectome_reference: only scope: connectome has a reference"):
        compile_network(load_config_text(text))
