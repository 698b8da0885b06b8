"""Procedural projections by the CUDA kernels, run on the host: spikes and events are those of the CPU backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers import nvrtc
from tests.helpers.device_ranks import simulate_on_devices
from tests.helpers.networks import built_rank, network_of, simulate, spikes_of
from tests.helpers.shim_device import GXX, LIMITS, ShimDevice
from tests.helpers.small_atlas import save_small_atlas
from tests.parity.test_cuda_spikes import on_device
from tests.unit.test_build_outdegree import shrink_parts
from tests.unit.test_procedural import recurrent
from tests.unit.test_procedural_plan import ranged

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.source import constants_text, whole_text
from dtbsim.build.rank import RankNetwork
from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.spec import Network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")


def short(first: bool, second: bool) -> Network:
    """The network of the tests on CPUs, for a shorter time."""
    return recurrent(first, second, "simulation.duration_ms=30")


def on_cpu(built: RankNetwork) -> tuple[Any, int]:
    """Spikes and events."""
    backend = CpuBackend(built, None, 1)
    backend.advance(0, built.network.n_steps)
    found = spikes_of(backend), backend.events()
    backend.close()
    return found


def small_batches(monkeypatch: pytest.MonkeyPatch, part: int, ordered_splits: int) -> None:
    """Parts of at most `part` neurons; populations of 2**ordered_splits of them are drawn part by part, in batches."""
    shrink_parts(monkeypatch, part)
    monkeypatch.setattr("dtbsim.backends.cuda.procedural.ORDERED_SPLITS", ordered_splits)
    monkeypatch.setattr("dtbsim.backends.cuda.procedural.BATCH", 32)
    monkeypatch.setattr("tests.helpers.shim_device.LIMITS", replace(LIMITS, threads=32))


@pytest.fixture
def _constants() -> Iterator[None]:
    """Constants of the kernels may be changed."""
    constants_text.cache_clear()
    yield
    constants_text.cache_clear()


@pytest.mark.parametrize(("threads", "backwards"), [(1, False), (2, True)])
@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_all_rules_beside_stored_projections(first: bool, second: bool, threads: int, backwards: bool) -> None:
    """Buckets of stored spikes overflow in the same steps; drawn spikes are added once all the same."""
    network = short(first, second)
    expected, events = on_cpu(built_rank(network))
    built = built_rank(network, threads=threads)
    spikes, backend, _ = on_device(built, chunks=(1, 7, 201), first_bucket=2, backwards=backwards)
    np.testing.assert_array_equal(spikes, expected)
    assert backend.events() == events > 2500
    assert len(backend.tables.procedural) == threads
    rings = sum(part.n_bytes for part in backend.tables.procedural)
    assert backend.tables.dynamic_bytes() > rings + 2 * 8 * backend.ring * threads, "buckets have grown"


@pytest.mark.usefixtures("_constants")
@pytest.mark.parametrize("shared_rows", [4096, 16])
def test_nothing_stored(monkeypatch: pytest.MonkeyPatch, shared_rows: int) -> None:
    """With events counted in shared memory, and without it."""
    network = short(True, True)
    network = type(network)(**{**vars(network), "projections": network.projections[:-1]})
    built = built_rank(network)
    assert built.lanes[0].rows.empty
    expected, events = on_cpu(built_rank(network))
    monkeypatch.setattr(P, "SHARED_ROWS", shared_rows)
    spikes, backend, _ = on_device(built)
    assert backend._procedural is not None
    assert (backend._procedural.shared_bytes == 0) == (shared_rows == 16)
    np.testing.assert_array_equal(spikes, expected)
    assert backend.events() == events > 2000
    assert len(expected) > 150


@pytest.mark.parametrize(("part", "ordered_splits"), [(24, 1), (24, 99), (5, 3), (5, 99)])
def test_target_populations_in_parts(monkeypatch: pytest.MonkeyPatch, part: int, ordered_splits: int) -> None:
    plain = simulate(short(True, True))
    small_batches(monkeypatch, part, ordered_splits)
    network = short(True, True)
    expected, events = on_cpu(built_rank(network))
    assert not np.array_equal(expected, plain)
    for threads, backwards in ((1, False), (2, True)):
        built = built_rank(network, threads=threads)
        spikes, backend, _ = on_device(built, chunks=(133,), first_bucket=2, backwards=backwards)
        np.testing.assert_array_equal(spikes, expected)
        assert backend.events() == events
        assert backend._procedural is not None
        assert backend._procedural.ordered == (ordered_splits < 99)


MANY = """\
simulation: {dt_ms: 0.1, duration_ms: 12, block_size: 16}
seed: 5
populations:
  P: {model: poisson_source, size: 700, parameters: {rate_hz: 2000}}
  E: {model: iaf_psc_exp, size: 150, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
projections:
  PE:
    source: P
    target: E
    rule: {kind: fixed_outdegree, outdegree: 20}
    weight_pA: {distribution: normal, mean: 2, sd: 1}
    delay_ms: {distribution: uniform, low: 0.1, high: 3}
    procedural: true
  EE: {source: E, target: E, rule: {kind: fixed_outdegree, outdegree: 200, autapses: false}, weight_pA: 4, delay_ms: 1,
       procedural: true}
"""


@pytest.mark.parametrize("batch", [64, 4096])
def test_several_batches_per_step(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    small_batches(monkeypatch, 20, 3)
    monkeypatch.setattr("dtbsim.backends.cuda.procedural.BATCH", batch)
    network = network_of(MANY)
    expected, events = on_cpu(built_rank(network))
    assert np.unique(expected[:, 0], return_counts=True)[1].min() > 64, "every step fills more than a batch"
    spikes, backend, _ = on_device(built_rank(network))
    np.testing.assert_array_equal(spikes, expected)
    assert (spikes[:, 1] >= 700).sum() > 100
    assert backend.events() == events
    assert backend._procedural is not None
    assert backend._procedural.n_bytes == min(batch, 700 * 7 + 150 + 14) * (8 + 2 * 8), (
        "places and counts in eight parts"
    )


@pytest.mark.parametrize("ordered_splits", [1, 99])
@pytest.mark.parametrize("forced", [True, False])
def test_wide_sums(monkeypatch: pytest.MonkeyPatch, forced: bool, ordered_splits: int) -> None:
    small_batches(monkeypatch, 12, ordered_splits)
    network = short(True, True) if forced else ranged("{kind: fixed_outdegree, outdegree: 60}", True)
    kind = L.KIND_WIDE64 if forced else None
    expected, events = on_cpu(built_rank(network))
    built = built_rank(network, kind=kind)
    assert built.lanes[0].acc.dtype == np.int64
    spikes, backend, _ = on_device(built)
    np.testing.assert_array_equal(spikes, expected)
    assert backend.events() == events
    assert len(spikes) > 30


REGIONS = """\
simulation: {dt_ms: 0.1, duration_ms: 30, block_size: 16}
atlas: small.npz
seed: 8
populations:
  A: {model: iaf_psc_exp, size: 40, regions: all, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
  B: {model: iaf_psc_exp, size: 77, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
projections:
  lateral:
    source: A
    target: A
    rule: {kind: fixed_outdegree, outdegree: 30, autapses: false}
    scope: same_region
    weight_pA: {distribution: normal, mean: 40, sd: 25}
    delay_ms: 1.5
    procedural: true
  tracts:
    source: A
    target: A
    rule: {kind: fixed_outdegree, outdegree: 30}
    scope: connectome
    weight_pA: {distribution: normal, mean: 40, sd: 25}
    delay_ms: {tract_velocity_m_per_s: 20}
    procedural: true
  scaled:
    source: A
    target: A
    rule: {kind: fixed_outdegree, outdegree: 9}
    scope: connectome
    connectome_scales: weight
    weight_pA: 90
    delay_ms: {distribution: uniform, low: 0.3, high: 4}
    procedural: true
  everybody:
    source: B
    target: B
    rule: {kind: all_to_all, autapses: false}
    weight_pA: {distribution: normal, mean: 10, sd: 25}
    delay_ms: {distribution: uniform, low: 0.3, high: 4}
    procedural: true
  partners:
    source: B
    target: B
    rule: {kind: one_to_one}
    weight_pA: {distribution: normal, mean: 400, sd: 25}
    delay_ms: {distribution: uniform, low: 0.3, high: 4}
    procedural: true
  down: {source: B, target: A, rule: {kind: fixed_outdegree, outdegree: 700}, weight_pA: 3, delay_ms: 0.3,
         procedural: true}
drives: {dc: {kind: dc, target: [A, B], amplitude: 380}}
"""


@pytest.mark.usefixtures("_constants")
@pytest.mark.parametrize(
    ("ordered_splits", "narrow", "spread"),
    [
        (2, 256, ""),
        (99, 256, ""),
        pytest.param(99, 9, "", marks=pytest.mark.nightly),
        (99, 256, ", relative_spread: {distribution: normal, mean: 1, sd: 0.5}"),
        (2, 9, ", spread: {distribution: normal, mean: 0, sd: 0.5}"),
    ],
)
def test_regions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ordered_splits: int, narrow: int, spread: str
) -> None:
    """Tract delays, weights by the connectome, many pairs of populations, all synapses on the lane or some of them."""
    small_batches(monkeypatch, 8, ordered_splits)
    monkeypatch.setattr(P, "NARROW", narrow)
    save_small_atlas(tmp_path)
    tracts = "tract_velocity_m_per_s: 20"
    network = network_of(REGIONS.replace(tracts, tracts + spread), base_dir=tmp_path)
    expected, events = on_cpu(built_rank(network))
    assert len(expected) > 300
    for threads, backwards in ((1, True), (2, False)):
        spikes, backend, _ = on_device(built_rank(network, threads=threads), backwards=backwards)
        np.testing.assert_array_equal(spikes, expected)
        assert backend.events() == events


@pytest.mark.parametrize("ordered_splits", [1, 99])
@pytest.mark.parametrize("words", [512, 6])
def test_spikes_of_other_ranks(monkeypatch: pytest.MonkeyPatch, words: int, ordered_splits: int) -> None:
    """Each is drawn once, also where buckets or packets are too small and the device halts."""
    small_batches(monkeypatch, 24, ordered_splits)
    network = short(True, True)
    expected, events = on_cpu(built_rank(network))
    spikes, backends = simulate_on_devices(network, 2, words=words, chunks=(7, 201), first_bucket=2)
    np.testing.assert_array_equal(spikes, expected)
    assert sum(backend.events() for backend in backends) == events


@pytest.mark.skipif(nvrtc.library() is None, reason="NVRTC is not installed")
@pytest.mark.parametrize("architecture", [70, 90])
def test_the_text_compiles(architecture: int) -> None:
    backend = CudaBackend(built_rank(short(True, True)), None, ShimDevice())
    for text in (backend._text(), whole_text("procedural.cu", {})):
        found = nvrtc.compiled(text, architecture)
        assert found.works, found.log
    for kernel in ("dtb_procedural", "dtb_procedural_remote", "dtb_part_sources", "dtb_part_counts", "dtb_part_draws"):
        assert f".entry {kernel}(" in found.ptx
