"""A GPU gives the spikes and states of the CPU, bit for bit: models, drives, synapses, plans, ranks, whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.helpers.changing_synapses import DYNAMIC_SYNAPSES, REWARD_SYNAPSES, dynamic_text, reward_text
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.model_zoo import NAMES, model_zoo
from tests.helpers.networks import built_rank, network_of
from tests.helpers.short_examples import EXAMPLES, SHORT
from tests.helpers.two_backends import assert_same, on_cpu, on_gpu, stepped
from tests.parity.test_cuda_spikes import NETWORK

import dtbsim
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.given import resolve
from dtbsim.kernels import layout as L
from dtbsim.mpi import run_ranks
from dtbsim.spec import Network, compile_network

PLANS = ["persistent", "general"]
CHANGING = [dynamic_text(name) for name in DYNAMIC_SYNAPSES] + [reward_text(name) for name in REWARD_SYNAPSES]


def example(name: str) -> Network:
    return compile_network(*resolve(EXAMPLES / f"{name}.yaml", SHORT[name]))


@pytest.mark.parametrize("plan", PLANS)
def test_all_models_side_by_side(device: Any, plan: str) -> None:
    network = model_zoo(*NAMES)
    expected = on_cpu(network)
    assert len(set(expected[0][:, 1])) > 20 * len(NAMES)
    assert_same(on_gpu(network, device, plan), expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_on_its_own(device: Any, name: str) -> None:
    """Constants that are the same for all neurons reach a kernel in another way than those of many models."""
    network = model_zoo(name)
    assert_same(on_gpu(network, device, "auto"), on_cpu(network))


@pytest.mark.parametrize("plan", PLANS)
def test_every_kind_of_drive(device: Any, plan: str, tmp_path: Path) -> None:
    network = drive_zoo(tmp_path)
    assert_same(on_gpu(network, device, plan, chunks=(13, 100)), on_cpu(network, chunks=(13, 100)))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("chunks", [(), (1, 8, 77, 400)])
def test_rules_delays_and_chunks(device: Any, plan: str, chunks: tuple[int, ...]) -> None:
    network = network_of(NETWORK)
    assert_same(on_gpu(network, device, plan, chunks), on_cpu(network, chunks=chunks))


@pytest.mark.parametrize("kind", [L.KIND_PACKED, L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64])
def test_every_format_of_synapses_and_small_buckets(device: Any, kind: int) -> None:
    network = network_of(NETWORK)
    backend = CudaBackend(built_rank(network, threads=3, kind=kind), None, device, first_bucket=2)
    assert_same(stepped(backend, network.n_steps), on_cpu(network))


@pytest.mark.parametrize("name", sorted(SHORT))
@pytest.mark.parametrize("plan", ["auto", "general"])
def test_examples(device: Any, name: str, plan: str) -> None:
    network = example(name)
    assert_same(on_gpu(network, device, plan), on_cpu(network))


@pytest.mark.parametrize("text", CHANGING, ids=[*DYNAMIC_SYNAPSES, *REWARD_SYNAPSES])
def test_synapses_that_change(device: Any, text: str) -> None:
    network = network_of(text)
    assert_same(on_gpu(network, device, "general"), on_cpu(network))


def test_procedural_projections(device: Any) -> None:
    """Drawn again at every spike."""
    text = NETWORK.replace(
        "kind: fixed_indegree, indegree: 12}", "kind: fixed_outdegree, outdegree: 6}, procedural: true"
    )
    network = network_of(text)
    assert any(projection.procedural for projection in network.projections)
    assert_same(on_gpu(network, device, "general"), on_cpu(network))


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("name", ["microcircuit", "izhikevich"])
def test_whole_runs_on_ranks_that_share_the_gpu(name: str, size: int, tmp_path: Path) -> None:
    config, folder, locator = resolve(EXAMPLES / f"{name}.yaml", [*SHORT[name], "simulation.backend=cuda"])
    cpu = config.model_copy(update={"simulation": config.simulation.model_copy(update={"backend": "cpu"})})
    expected = dtbsim.run(cpu, out=tmp_path / "cpu").summary

    def work(comm: Any) -> dict[str, Any]:
        from dtbsim.simulate import run

        return run(config, out=tmp_path / "gpu", base_dir=folder, locator=locator, comm=comm).summary

    found = run_ranks(size, work)[0]
    assert (found["backend"], found["ranks"]) == ("cuda", size)
    for key in ("spike_hash", "spikes", "events", "synapses"):
        assert found[key] == expected[key], key
