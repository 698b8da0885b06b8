"""Inhibitory plasticity after Vogels et al. (2011): the rate at which weights stay is the target rate."""

from __future__ import annotations

from pathlib import Path

import pytest

import dtbsim

NETWORK = """\
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 6000}
populations:
  E: {model: iaf_psc_exp, size: 400}
  I: {model: iaf_psc_exp, size: 100}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 40}, weight_pA: 40, delay_ms: 1.5}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 40}, weight_pA: 40, delay_ms: 1.5}
  IE:
    source: I
    target: E
    receptor: in
    rule: {kind: fixed_indegree, indegree: 40}
    weight_pA: -20
    delay_ms: 1.5
    synapse: {kind: vogels_sprekeler, weight_max: -2000, learning_rate: 2, target_rate_hz: RATE}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 9000, weight_pA: 60}
"""


@pytest.mark.parametrize("rate_hz", [4, 12])
def test_a_balanced_population_fires_at_the_target_rate(rate_hz: int, tmp_path: Path) -> None:
    """Measured over 3 s, when the weights have settled."""
    (tmp_path / "net.yaml").write_text(NETWORK.replace("RATE", str(rate_hz)))
    steps, _ = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run").open().spike_steps("E")
    assert (steps >= 30_000).sum() / 400 / 3.0 == pytest.approx(rate_hz, rel=0.03)
