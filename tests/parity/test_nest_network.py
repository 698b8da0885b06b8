"""A recurrent network of 100 neurons with given input spikes: every spike at the step at which NEST 3.10 has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate
from tests.parity.make_nest_network import (
    CONFIG,
    DATA,
    SIZE_E,
    SIZE_I,
    digest,
    run_nest,
    synapses_as_numbers,
    the_network,
)

from dtbsim.spec import Network

N = SIZE_E + SIZE_I


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return the_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))


def test_the_stored_spikes_belong_to_these_synapses(network: Network, stored: Any) -> None:
    synapses = synapses_as_numbers(network)
    assert digest(synapses) == stored["synapses"], "draws have changed: run python -m tests.parity.make_nest_network"
    assert 2000 < len(synapses) < 2500
    assert len(np.unique(synapses[:, 3])) > 25


@pytest.mark.parametrize("threads", [1, 2])
def test_every_spike_is_where_nest_has_it(network: Network, stored: Any, threads: int) -> None:
    spikes = simulate(network, threads=threads)
    found = [(spikes[spikes[:, 1] == gid, 0] + 1).tolist() for gid in range(N)]
    assert found == stored["spike_steps"]
    assert sum(map(len, found)) > 600
    assert sum(map(bool, found)) > 60


def test_slightly_other_weights_show(stored: Any, tmp_path: Path) -> None:
    the_network(tmp_path)  # the input spikes
    changed = CONFIG.replace("mean: 70,", "mean: 72,")
    assert changed != CONFIG
    spikes = simulate(network_of(changed, base_dir=tmp_path))
    assert [(spikes[spikes[:, 1] == gid, 0] + 1).tolist() for gid in range(N)] != stored["spike_steps"]


@pytest.mark.nest
def test_the_stored_spikes_are_what_nest_gives(network: Network, stored: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    assert run_nest(synapses_as_numbers(network)) == stored["spike_steps"]
