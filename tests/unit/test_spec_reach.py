"""Sources taken once only: an in-degree beyond what weak connections can give is refused, not drawn for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dtbsim.atlas import Atlas, save_atlas
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.spec import compile_network

TEXT = """
atlas: {atlas}
simulation: {{duration_ms: 1}}
populations:
  E: {{model: iaf_psc_exp, size: 40, regions: all}}
projections:
  long:
    source: E
    target: E
    scope: connectome
    rule: {{kind: fixed_indegree, indegree: {indegree}, multapses: false}}
    weight_pA: 1
    delay_ms: 1
"""


def network(folder: Path, weak: float, indegree: int) -> object:
    weights = np.array([[0.0, 1.0, weak], [1.0, 0.0, weak], [1.0, weak, 0.0]])
    atlas = Atlas(
        name="three",
        region_names=("a", "b", "c"),
        xyz_mm=np.arange(9.0).reshape(3, 3),
        weights=weights,
        lengths_mm=None,
        lengths_source="none",
        hemisphere=("L", "L", "R"),
    )
    file = save_atlas(atlas, folder / "three.npz")
    return compile_network(load_config_text(TEXT.format(atlas=file, indegree=indegree)), folder)


def test_weak_regions_are_asked_only_for_what_they_can_give(tmp_path: Path) -> None:
    assert network(tmp_path, 0.1, 79) is not None
    assert network(tmp_path, 1e-9, 40) is not None
    with pytest.raises(InputError, match="about 40 sources are within reach") as caught:
        network(tmp_path, 1e-9, 41)
    assert caught.value.where == "projections.long.rule"
    assert "allow multapses" in str(caught.value)


def test_a_capacitance_that_is_no_number_is_refused(tmp_path: Path) -> None:
    config = load_config_text(
        "simulation: {duration_ms: 1}\n"
        "circuits:\n"
        "  c: {kind: balanced_ei, parameters_I: {C_m_pF: {distribution: uniform, low: 90, high: 110}}}\n"
    )
    with pytest.raises(InputError, match="must therefore be one number") as caught:
        compile_network(config)
    assert caught.value.where == "circuits.c.parameters_I.C_m_pF"
