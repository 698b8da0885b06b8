"""Neurons that spike several times in a step, in the CUDA kernels, run on the host: as on the CPU, bit for bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.cuda_runs import Run, assert_same, on_cpu, on_shim, on_shim_ranks, run_to_end, together
from tests.helpers.networks import built_rank, network_of
from tests.helpers.several_spikes import DELAYS, SYNAPSES, several_spikes
from tests.helpers.shim_device import GXX, ShimDevice

from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.errors import NumericsError
from dtbsim.spec import Network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")

PAUSES = (13, 200, 611)


def network(synapse: str, delays: str = "drawn") -> Network:
    plain = several_spikes(synapse, delays)
    if not any(p.dynamics is not None and p.dynamics.plastic for p in plain.projections):
        return plain
    records = [{"projection": name, "neurons": 200, "interval_ms": 10} for name in ("RN", "RQ")]
    return several_spikes(synapse, delays, f"record.weights={records}")


@cache
def expected_of(synapse: str, delays: str) -> Run:
    run = on_cpu(network(synapse, delays), PAUSES)
    several = np.unique(run.spikes, axis=0, return_counts=True)[1]
    assert (several > 1).sum() > 500
    assert several.max() > 3
    return run


@pytest.mark.parametrize("delays", by_day(DELAYS, ["drawn"]))
@pytest.mark.parametrize("synapse", by_day(SYNAPSES, ["pair", "depressing", "calcium"]))
def test_spikes_events_and_weights_are_those_of_the_cpu(synapse: str, delays: str) -> None:
    expected = expected_of(synapse, delays)
    for threads, first_bucket, backwards in ((1, None, False), (2, 2, True)):
        built = built_rank(network(synapse, delays), threads=threads)
        assert_same(on_shim(built, PAUSES, first_bucket, backwards=backwards), expected)


@pytest.mark.parametrize("synapse", by_day(SYNAPSES, ["pair"]))
def test_ranks_give_the_same(synapse: str) -> None:
    expected = expected_of(synapse, "drawn")
    for n_ranks, words in ((2, 512), (3, 3)):
        assert_same(together(on_shim_ranks(network(synapse), n_ranks, PAUSES, 2, words=words)), expected)


@pytest.mark.parametrize("blocks", [1, 5])
def test_the_persistent_plan_gives_the_same(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.BLOCK_THREADS", 64)
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.LOG_STEPS", 77)
    device = ShimDevice(Limits(blocks, 200_000, 50 << 20, 1 << 32))
    plain = network("static")
    assert choose_plan(plain, 0, 1, device.limits).name == "persistent"
    backend = PersistentBackend(built_rank(plain, threads=blocks), None, device)
    assert_same(run_to_end(backend, plain, PAUSES), expected_of("static", "drawn"))


@pytest.mark.parametrize("kind", [CudaBackend, PersistentBackend])
def test_more_spikes_than_a_byte_can_count_are_an_error(kind: type[CudaBackend]) -> None:
    many = network_of(
        """\
simulation: {dt_ms: 0.1, duration_ms: 2}
populations:
  S: {model: spike_source, size: 300, spikes: {neuron: NEURONS, time_ms: TIMES}}
  R: {model: parrot_neuron, size: 2}
projections: {SR: {source: S, target: R, rule: {kind: all_to_all}, weight: 1, delay_ms: 0.5}}
""".replace("NEURONS", str(list(range(300)))).replace("TIMES", str([0.5] * 300))
    )
    backend = kind(built_rank(many), None, ShimDevice())
    backend.compile()
    with pytest.raises(NumericsError, match="254"):
        backend.advance(0, many.n_steps)
    backend.close()
