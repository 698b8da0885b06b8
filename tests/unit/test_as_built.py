"""`dtbsim.build`: what it lists is what the engine is built of, and enough for a plain simulator."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.helpers.changing_synapses import dynamic_text, reward_text
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import (
    all_synapses,
    built_rank,
    dynamic_synapses_of,
    network_of,
    simulate,
    sorted_rows,
)
from tests.helpers.random_networks import random_network
from tests.helpers.reference_engine import ReferenceEngine
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo
from tests.unit.test_procedural import recurrent

import dtbsim
from dtbsim.build.as_built import BuiltNetwork
from dtbsim.build.kinds import neuron_values
from dtbsim.errors import InputError
from dtbsim.spec import Network


def listed(network: Network, *, dynamic: bool = False, chunk: int = 300) -> Any:
    """All synapses, as the helpers list them: source, target, channel, quanta, delay; sorted."""
    net, parts = BuiltNetwork(network), [np.zeros((0, 5), np.int64)]
    for item in network.projections:
        if (item.dynamics is not None) != dynamic:
            continue
        for part in net.projections[item.name].synapses(chunk=chunk):
            columns = [part.source_gid, part.target_gid, np.full(len(part), item.channel), part.quanta]
            parts.append(np.stack([np.asarray(column, np.int64) for column in [*columns, part.delay_steps]], axis=1))
    return sorted_rows(np.concatenate(parts))


def test_synapses_are_those_of_the_engine(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    expected = all_synapses(network, 2, 2)
    assert len(expected) > 5000
    assert np.array_equal(listed(network), expected)
    assert np.array_equal(listed(network, chunk=10**9), expected)


@pytest.mark.parametrize("text", [dynamic_text("triplets"), dynamic_text("saturation"), reward_text("bounded")])
def test_synapses_that_change_as_they_begin(text: str) -> None:
    network = network_of(text)
    assert np.array_equal(listed(network), all_synapses(network))
    tables = []
    for part, table in dynamic_synapses_of(built_rank(network)):
        table[:, 3] *= part.dynamics.sign if part.dynamics.plastic else 1
        tables.append(table)
    assert np.array_equal(listed(network, dynamic=True), sorted_rows(np.concatenate(tables)))


@pytest.mark.parametrize("seed", range(12))
def test_synapses_of_random_networks(seed: int, tmp_path: Path) -> None:
    _, network = random_network(seed, tmp_path)
    stored = [item for item in network.projections if item.dynamics is None and not item.procedural]
    if len(stored) == sum(item.dynamics is None for item in network.projections):
        assert np.array_equal(listed(network, chunk=40), all_synapses(network))
    whole = BuiltNetwork(network)
    for name, projection in whole.projections.items():
        small, large = (pd.concat(projection.synapses(chunk=chunk), ignore_index=True) for chunk in (7, 10**6))
        assert small.astype({"source_population": str, "target_population": str}).equals(
            large.astype({"source_population": str, "target_population": str})
        ), name


def test_procedural_projections_list_what_they_draw() -> None:
    procedural, stored = recurrent(True, True), recurrent(False, False)
    assert BuiltNetwork(procedural).projections["EE"].procedural
    expected = all_synapses(stored)
    assert len(expected) > 5000
    assert np.array_equal(listed(procedural), expected)


def test_a_plain_simulator_fed_with_it_spikes_the_same(tmp_path: Path) -> None:
    network = zoo(tmp_path, "simulation.duration_ms=12")
    spikes = ReferenceEngine(network, listed(network)).run()
    assert len(spikes) > 20
    assert np.array_equal(spikes, simulate(network))


def test_columns_units_and_numbers(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    net = BuiltNetwork(network)
    projection = net.projections["EI"]
    assert (projection.source, projection.target, projection.rule) == ("E", "I", "fixed_total_number")
    assert (projection.receptors, projection.unit) == ({"ex": 1.0}, "pA")
    part = next(projection.synapses())
    assert part.dtypes.astype(str).to_dict() == {
        "source_gid": "uint32",
        "target_gid": "uint32",
        "source_population": "category",
        "source": "uint32",
        "target_population": "category",
        "target": "uint32",
        "weight": "float64",
        "quanta": "int32",
        "delay_ms": "float64",
        "delay_steps": "int32",
    }
    assert (part.weight == part.quanta * projection.quantum).all()
    assert np.allclose(part.delay_ms, 0.1 * part.delay_steps)
    assert part.weight.mean() == pytest.approx(60, rel=0.1), "the mean of the exponential distribution, in pA"
    order = part[["target_gid", "source_gid", "delay_steps"]]
    assert order.equals(order.sort_values(list(order.columns), kind="stable"))
    first = part.iloc[0]
    gid0 = {item.name: item.gid0 for item in network.populations}
    assert gid0[first.target_population] + first.target == first.target_gid
    assert gid0[first.source_population] + first.source == first.source_gid
    assert net.projections["MM"].receptors == {"fast": 0.7, "slow": 0.01}
    assert net.projections["IE"].receptors == {"in": 1.0}


def test_chunks_are_bounded_and_one_region_can_be_asked_for(tmp_path: Path) -> None:
    projection = BuiltNetwork(zoo(tmp_path)).projections["long"]
    whole = list(projection.synapses(chunk=1))
    assert max(len(part) for part in whole) <= 16 * 12, "a block has 16 neurons of 12 synapses each"
    assert sum(map(len, whole)) == pytest.approx(projection.expected_synapses)
    region = pd.concat(projection.synapses("E@A_L"))
    assert set(region.target_population) == {"E@A_L"}
    together = pd.concat(whole)
    assert region.quanta.tolist() == together[together.target_population == "E@A_L"].quanta.tolist()
    assert next(iter(projection.synapses("E", chunk=10**6))).shape[0] == len(together)


def test_neurons(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    net = BuiltNetwork(network)
    everyone = net.populations["E"]
    assert everyone.size == len(everyone.parameters) == len(everyone.gids)
    assert everyone.parameters.index.tolist() == everyone.gids.tolist()
    part = net.populations["E@A_L"]
    assert part.neurons.region.unique().tolist() == ["A_L"]
    assert part.neurons.neuron.tolist() == list(range(50))
    assert part.parameters.equals(everyone.parameters.loc[part.gids])
    assert (part.parameters.tau_syn_in_ms == 6.0).all(), "as configured"
    assert (part.parameters.C_m_pF == network.families[0].declared.parameter("C_m_pF").default).all(), "the default"
    assert part.parameters.tau_m_ms.nunique() > 40, "drawn"
    assert part.parameters.I_e_pA.nunique() == 1, "a map has one value for a region"
    assert part.initial_states.V_m_mV.between(-70, -56).all()
    index = network.family_index("E")
    drawn = neuron_values(network, index, 0, everyone.gids[:50].astype(np.int64), "parameters")
    assert np.array_equal(everyone.parameters.tau_m_ms.to_numpy()[:50], drawn["tau_m_ms"])


def test_initial_states_are_those_of_the_engine(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    net, built = BuiltNetwork(network), built_rank(network)
    state = built.lanes[0]
    for index, family in enumerate(network.families):
        run = state.lane.runs_of_family(family)[0]
        group = state.neurons.group_of[run.kind]
        seen = net.populations[family.name].initial_states
        assert index == network.family_index(family.name)
        known = [row for row in family.model.states if row.name in seen and not row.offset and row.dtype == "f32"]
        for row in known:
            at = group.state_offset[row.name] + run.local - group.start
            own = seen.loc[np.arange(run.gid0, run.gid0 + run.size), row.name].to_numpy()
            assert np.array_equal(state.neurons.f32[at : at + run.size], own.astype(np.float32)), row.name


def test_drives(tmp_path: Path) -> None:
    network = drive_zoo(tmp_path)
    net = BuiltNetwork(network)
    some = net.drives["some"]
    assert (some.kind, some.shared, len(some.neurons)) == ("poisson", False, 2 * 18), "0.4 of 45, in two regions"
    assert some.neurons.weight.unique() == pytest.approx([70], rel=1e-3)
    assert np.allclose(some.rates_hz([0, 10]), 3000, rtol=1e-12)
    bursts = net.drives["bursts"].rates_hz([0, 3, 10, 12])
    assert (bursts.loc[[0, 10]] == 0).all().all(), "before start_ms, between two windows"
    assert (bursts.loc[[3, 12]] >= 2000).all().all()
    each = net.drives["each"].rates_hz([1]).loc[1].tolist()
    assert each == pytest.approx([0, 12000, 90, 45000])
    stairs = net.drives["stairs_of_rate"].rates_hz([2, 12.6, 40]).iloc[:, 0].tolist()
    assert stairs == pytest.approx([3000, 4000.5, 100])
    assert net.drives["lift"].current([0])["mean"].tolist() == [150]
    white = net.drives["white"].current([0, 2])
    assert white["sd"].tolist() == [0, 300]
    assert net.drives["written"].events.time_ms.tolist() == pytest.approx([1, 9.9, 33])
    assert net.populations["S"].spikes.time_ms.tolist() == pytest.approx([3, 4.5, 9, 30.1])
    assert net.drives["lift"].events.empty
    with pytest.raises(InputError, match=r"no step begins at 0.05 ms; a step is 0.1 ms"):
        some.rates_hz([0.05])


def test_names_that_there_are_not(tmp_path: Path) -> None:
    net = BuiltNetwork(zoo(tmp_path))
    with pytest.raises(InputError, match="there is no projection 'EX'"):
        net.projections["EX"]
    with pytest.raises(InputError, match="there is no population 'e'"):
        net.populations["e"]
    with pytest.raises(InputError, match="'Z' is no target of projection 'EE'"):
        net.projections["EE"].synapses("Z")
    for chunk in (0, -5, 2.5, True):
        with pytest.raises(InputError, match="it must be a whole number of 1 or more"):
            net.projections["EE"].synapses(chunk=chunk)  # type: ignore[arg-type]
    assert "EE" in net.projections
    assert "EX" not in net.projections


def test_from_a_configuration(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    data = {
        "simulation": {"dt_ms": 0.1, "duration_ms": 10},
        "populations": {"A": {"model": "iaf_psc_exp", "size": 10}},
        "projections": {
            "AA": {
                "source": "A",
                "target": "A",
                "rule": {"kind": "all_to_all", "autapses": False},
                "weight_pA": 2.0,
                "delay_ms": 1.5,
            }
        },
    }
    assert isinstance(dtbsim.build, types.ModuleType), "the package of this name has been imported"
    net = dtbsim.build(data, set={"populations.A.size": 12})
    assert net.n_neurons == 12
    part = next(net.projections["AA"].synapses())
    assert len(part) == 12 * 11
    assert set(part.weight) == {2.0}
    assert set(part.delay_ms) == {1.5}
    assert repr(net).startswith("<BuiltNetwork")
    with pytest.raises(InputError):
        dtbsim.build({"populations": {}})


def test_the_name_is_a_function_and_a_package() -> None:
    """Whichever came first: the attribute of `dtbsim` can be called, and modules of the package be imported."""
    call = "dtbsim.build({'populations': {'A': {'model': 'parrot_neuron', 'size': 3}}, 'simulation': "
    call += "{'dt_ms': 1, 'duration_ms': 1}}).n_neurons"
    for first, second in (("", ""), ("import dtbsim.build.lanes", ""), ("", "from dtbsim.build.lanes import Lane")):
        code = f"import dtbsim\n{first}\nassert {call} == 3\n{second}\nassert {call} == 3"
        subprocess.run([sys.executable, "-c", code], check=True)
