"""Synapses that a GPU builds are those of the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.device_builds import DRAWN, KINDS, check_same, on_device
from tests.helpers.networks import built_rank, network_of
from tests.helpers.zoo import zoo


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_and_format(device: Any, tmp_path: Path, kind: int | None) -> None:
    network = zoo(tmp_path)
    for threads in (1, 3):
        check_same(on_device(network, threads, kind, device), built_rank(network, threads=threads, kind=kind))


BUSY = """\
simulation: {{dt_ms: 0.1, duration_ms: 1, block_size: 512}}
populations:
  A: {{model: iaf_psc_exp, size: 5000}}
  B: {{model: iaf_psc_exp, size: 3000}}
projections:
  P: {{source: A, target: B, rule: {rule}, weight_pA: {weight}, delay_ms: {delay}}}
"""


@pytest.mark.parametrize(
    "rule",
    [
        "{kind: fixed_indegree, indegree: 900}",
        "{kind: fixed_indegree, indegree: 900, multapses: false}",
        "{kind: fixed_total_number, total: 3000000}",
        "{kind: pairwise_bernoulli, probability: 0.1}",
        "{kind: pairwise_bernoulli, probability: 0.8}",
        "{kind: fixed_outdegree, outdegree: 700}",
    ],
)
def test_many_threads_at_once(device: Any, rule: str) -> None:
    for delay in ("1.5", DRAWN[1]):
        network = network_of(BUSY.format(rule=rule, weight=DRAWN[0], delay=delay))
        expected = built_rank(network)
        check_same(on_device(network, device=device), expected)
        assert expected.n_synapses > 1_000_000


def test_long_rows(device: Any) -> None:
    """Rows that fit no shared memory, with segments of the largest length."""
    text = BUSY.replace("size: 5000", "size: 7").replace("size: 3000", "size: 30000")
    for delay in ("1.5", "{distribution: uniform, low: 0.1, high: 50}"):
        network = network_of(text.format(rule="{kind: fixed_indegree, indegree: 40}", weight=DRAWN[0], delay=delay))
        expected = built_rank(network)
        check_same(on_device(network, device=device), expected)
        assert np.diff(expected.lanes[0].rows.rows).min() > 65_535
