"""A state that grows without bound is named itself, and not what a recorder could not make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtbsim.config import load_config_text
from dtbsim.errors import EXIT_NUMERICS, NumericsError
from dtbsim.simulate import run

TEXT = """
atlas: aal2
simulation: {dt_ms: 1, duration_ms: 2000}
populations: {o: {model: linear, regions: all, parameters: {gamma_per_ms: -90}, initial: {x: 1.0}}}
bold: {population: o, tr_ms: 1000}
"""


def test_the_state_is_named_where_bold_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(NumericsError, match="state x of region Precentral_L became NaN or infinite") as caught:
        run(load_config_text(TEXT), out=tmp_path / "run", report=False)
    assert caught.value.exit_code == EXIT_NUMERICS


TURNING = """
atlas: aal2
simulation: {dt_ms: 0.1, duration_ms: 20}
populations: {o: {model: kuramoto, regions: [Precentral_L]}}
drives: {push: {kind: dc, target: o, amplitude: 1.0e+8}}
record: {states: [{population: o, variables: [sin_theta]}]}
"""


def test_a_value_that_is_none_is_named_though_its_state_is_finite(tmp_path: Path) -> None:
    """A phase that turns by many periods in a step has no sine."""
    with pytest.raises(NumericsError, match="value sin_theta of region Precentral_L became NaN or infinite") as caught:
        run(load_config_text(TURNING), out=tmp_path / "run", report=False)
    assert caught.value.exit_code == EXIT_NUMERICS
