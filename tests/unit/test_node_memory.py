"""Objects that one rank of a node makes for all: once, with arrays in one copy, as they were, and errors reach all."""

from __future__ import annotations

import io
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.errors import DtbsimError, FaultError, InputError
from dtbsim.given import resolved_on_nodes
from dtbsim.models import get_model, list_models
from dtbsim.models.connections import CONNECTION_RULES
from dtbsim.models.connections.pairwise_bernoulli import CAPPED
from dtbsim.models.neurons import iaf_psc_exp
from dtbsim.models.own import find_model
from dtbsim.models.references import ReferencePickler
from dtbsim.models.registry import example_model
from dtbsim.models.synapses.registry import SYNAPSE_MODELS
from dtbsim.mpi import Comm, node_memory, run_ranks
from dtbsim.mpi.node_memory import LEAST_BYTES, OnNode, once_on_node
from dtbsim.simulate import prepare as prepare_module
from dtbsim.simulate.given import Outline, given_on_nodes
from dtbsim.simulate.prepare import prepare
from dtbsim.simulate.resume import found_on_ranks
from dtbsim.simulate.resuming import find_resumption

CONFIG = """\
simulation: {dt_ms: 0.5, duration_ms: 20, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 100}
  S: {model: iaf_psc_exp_multisynapse, size: 30, receptors: {fast: 2.0, slow: 50.0}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1.5}
  ES: {source: E, target: S, rule: {kind: pairwise_bernoulli, probability: 0.2}, weight_pA: 40, delay_ms: 1.5,
    receptor: fast, synapse: {kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100, tau_fac_ms: 0}}
"""


def never() -> Any:
    raise AssertionError("nobody is alone")


def shared_memory_files() -> set[str]:
    links = Path("/proc/self/fd").iterdir()
    return {str(link) for link in links if link.exists() and "memfd:dtbsim" in str(link.readlink())}


def test_one_rank_of_each_node_works_and_all_get_the_same_arrays() -> None:
    calls: list[int] = []
    large, small = np.arange(LEAST_BYTES, dtype=np.int64), np.arange(3.0)
    frozen = large.copy()
    frozen.flags.writeable = False

    def work(comm: Comm) -> OnNode[dict[str, Any]]:
        def made() -> dict[str, Any]:
            calls.append(comm.rank)
            return {"large": large, "small": small, "frozen": frozen, "again": large}

        got = once_on_node(comm, made, alone=never)
        if comm.rank == 1:
            got.value["large"][:] = -1
        comm.barrier()
        return got

    ranks = run_ranks(5, work, node_count=2)
    assert sorted(calls) == [0, 3], "the first rank of each node"
    for rank, got in enumerate(ranks):
        assert got.n_bytes >= large.nbytes + frozen.nbytes, "in one copy"
        assert not got.reason
        assert got.value["again"] is got.value["large"]
        assert got.value["large"].flags.writeable
        assert not got.value["frozen"].flags.writeable
        assert (got.value["small"] == small).all()
        assert (got.value["large"] == (-1 if rank == 1 else large)).all(), "what one rank writes no other sees"
    assert (large == np.arange(LEAST_BYTES)).all()


def test_memory_is_gone_when_nobody_uses_it() -> None:
    before = shared_memory_files()
    held = run_ranks(3, lambda comm: once_on_node(comm, lambda: np.zeros(10**6), alone=never).value)
    mapped = Path("/proc/self/maps").read_text().count("memfd:dtbsim")
    assert mapped == 3
    del held
    assert Path("/proc/self/maps").read_text().count("memfd:dtbsim") == 0
    assert shared_memory_files() == before


def test_an_error_of_the_rank_that_works_is_the_one_line_of_all() -> None:
    def work(comm: Comm) -> tuple[str, int]:
        def made() -> None:
            raise InputError("wrong", where="net.yaml:3", remedy="put it right")

        with pytest.raises(DtbsimError) as caught:
            once_on_node(comm, made, alone=never)
        return str(caught.value), caught.value.exit_code

    assert set(run_ranks(3, work)) == {("net.yaml:3: wrong (put it right)", InputError.exit_code)}


def test_a_fault_of_the_rank_that_works_leaves_nobody_waiting() -> None:
    def work(comm: Comm) -> None:
        once_on_node(comm, lambda: 1 / 0, alone=never)

    with pytest.raises(ZeroDivisionError):
        run_ranks(3, work, timeout_s=30)


def cannot_be_pickled() -> Any:
    return {"lock": threading.Lock(), "array": np.arange(5)}


def test_what_cannot_be_pickled_every_rank_makes_for_itself() -> None:
    calls: list[tuple[str, int]] = []

    def work(comm: Comm) -> OnNode[Any]:
        return once_on_node(
            comm,
            cannot_be_pickled,
            alone=lambda: calls.append(("alone", comm.rank)) or cannot_be_pickled(),
            before_alone=lambda: calls.append(("before", comm.rank)),
        )

    ranks = run_ranks(3, work)
    assert all("cannot be pickled" in got.reason and "lock" in got.reason for got in ranks)
    assert sorted(calls) == [("alone", 1), ("alone", 2), ("before", 0), ("before", 1), ("before", 2)]
    assert all((got.value["array"] == np.arange(5)).all() and not got.n_bytes for got in ranks)


@pytest.mark.parametrize("what", ["memory that cannot be opened", "another process", "no memory"])
def test_where_memory_cannot_be_shared_every_rank_works_for_itself(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "another process":
        written = node_memory._written
        monkeypatch.setattr(node_memory, "_written", lambda token, *rest: written(token[::-1], *rest))
    elif what == "no memory":
        monkeypatch.setattr(node_memory.os, "memfd_create", _refused)
    else:
        monkeypatch.setattr(node_memory.os, "open", _refused)
    ranks = run_ranks(2, lambda comm: once_on_node(comm, lambda: [1, 2], alone=lambda: [1, 2]))
    assert [got.value for got in ranks] == [[1, 2], [1, 2]]
    assert all(got.reason for got in ranks)
    assert ("another one here" in ranks[0].reason) == (what == "another process")


def _refused(*_: Any, **__: Any) -> int:
    raise PermissionError(13, "Permission denied")


# -- models ----------------------------------------------------------------------------------------------------------


def again(value: Any) -> Any:
    text = io.BytesIO()
    ReferencePickler(text, protocol=5).dump([value, value])
    one, other = pickle.loads(text.getvalue())
    assert one is other
    return one


def test_models_and_rules_are_found_again_and_not_copied() -> None:
    models = [example_model(name) for name in list_models()]
    forms = [value for value in vars(iaf_psc_exp).values() if isinstance(value, dtbsim.models.NeuronModel)]
    assert forms
    assert get_model("iaf_psc_exp_multisynapse", {"a": 2.0, "b": 3.0}) not in models
    models.append(get_model("iaf_psc_exp_multisynapse", {"a": 2.0, "b": 3.0}))
    synapses = [kind.model for kind in SYNAPSE_MODELS.usable().values()]
    rules = [*CONNECTION_RULES.usable().values(), CAPPED]
    for value in [*models, *forms, *synapses, *rules]:
        assert again(value) is value, value


OWN = """\
from dtbsim.models import NeuronModel, Parameter, Receptor, State

class Leaky(NeuronModel):
    name = "leaky"
    summary = "Leaky integrator with a threshold"
    parameters = (Parameter("decay", "1", 0.9, "factor per step", low=0, high=1),)
    states = (State("v_mV", "mV", "membrane potential"),)
    receptors = (Receptor("syn", "mV", "jump of the potential", channel=0),)

    @staticmethod
    def update(v_mV, in_syn, decay):
        v = decay * v_mV + in_syn
        spiked = v >= 15.0
        return 0.0 if spiked else v, spiked
"""


def test_a_users_file_is_imported_again_and_must_be_the_same(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    model = find_model("mine.py:Leaky", None, tmp_path)
    assert again(model) is model
    text = io.BytesIO()
    ReferencePickler(text, protocol=5).dump(model)
    (tmp_path / "mine.py").write_text(OWN.replace("15.0", "16.0"))
    with pytest.raises(InputError, match=r"mine\.py: this file of models is another one than that of the first rank"):
        pickle.loads(text.getvalue())


# -- runs ------------------------------------------------------------------------------------------------------------


def test_a_network_is_compiled_once_for_all_ranks_of_a_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiled: list[int] = []
    original = prepare_module.compile_network

    def counted(*arguments: Any, **options: Any) -> Any:
        compiled.append(threading.get_ident())
        return original(*arguments, **options)

    monkeypatch.setattr(prepare_module, "compile_network", counted)
    (tmp_path / "net.yaml").write_text(CONFIG)

    def work(comm: Comm) -> tuple[bool, Any]:
        located = given_on_nodes(comm, lambda: dtbsim.config.load_located(tmp_path / "net.yaml"))
        prepared = prepare(located.config, comm, located.base_dir, located.locator)
        return isinstance(located.config, Outline), prepared

    ranks = run_ranks(4, work, node_count=2)
    assert len(compiled) == 2
    assert [outline for outline, _ in ranks] == [False, True, False, True], "who compiles has the configuration"
    networks = [prepared.network for _, prepared in ranks]
    for network in networks:
        assert network.families[0].declared is get_model("iaf_psc_exp")
        assert network.projections[1].dynamics.model is SYNAPSE_MODELS.find("tsodyks_markram").model
        assert network.projections[0].rule is CONNECTION_RULES.find("fixed_indegree")
        assert (network.entries.synapses == networks[0].entries.synapses).all()
    assert [prepared.plan.blocks.rank.tolist() for _, prepared in ranks] == [ranks[0][1].plan.blocks.rank.tolist()] * 4


def test_without_sharing_ranks_with_an_outline_get_the_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(node_memory.os, "memfd_create", _refused)
    (tmp_path / "net.yaml").write_text(CONFIG)

    def work(comm: Comm) -> Any:
        located = given_on_nodes(comm, lambda: dtbsim.config.load_located(tmp_path / "net.yaml"))
        return prepare(located.config, comm, located.base_dir, located.locator)

    first, other = run_ranks(2, work)
    assert "Permission denied" in first.unshared
    assert other.network.n_neurons == first.network.n_neurons == 130


def test_runs_from_python_and_runs_that_go_on_give_the_configuration_to_who_compiles_it(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(CONFIG)
    dtbsim.run(path, out=tmp_path / "run", set={"checkpoint": {}})

    def given(comm: Comm) -> tuple[bool, float, Path]:
        config, base_dir, _ = resolved_on_nodes(comm, path, {"simulation.duration_ms": 30})
        return isinstance(config, Outline), config.simulation.duration_ms, base_dir

    assert run_ranks(2, given) == [(False, 30, tmp_path), (True, 30, tmp_path)]

    def found(comm: Comm) -> tuple[bool, float, Path, int]:
        longer = {"simulation.duration_ms": 30}
        resumption = found_on_ranks(comm, lambda: find_resumption(tmp_path / "run", longer))
        config = resumption.located.config
        return isinstance(config, Outline), config.simulation.duration_ms, resumption.folder, resumption.step

    assert run_ranks(2, found) == [(False, 30, tmp_path / "run", 40), (True, 30, tmp_path / "run", 40)]


def test_mistakes_have_their_places_on_every_rank(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(CONFIG.replace("receptor: fast", "receptor: quick"))

    def work(comm: Comm) -> str:
        located = given_on_nodes(comm, lambda: dtbsim.config.load_located(tmp_path / "net.yaml"))
        with pytest.raises(DtbsimError) as caught:
            prepare(located.config, comm, located.base_dir, located.locator)
        assert not isinstance(caught.value, FaultError)
        return str(caught.value)

    said = set(run_ranks(3, work))
    assert len(said) == 1
    assert "net.yaml:8: projections.ES.receptor: " in said.pop()
