"""Explicit synapses: those of the list and no others, whoever owns the targets, whatever the file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from tests.helpers.networks import (
    all_synapses,
    built_rank,
    dynamic_synapses_of,
    network_of,
    simulate,
    simulate_ranks,
    sorted_rows,
)
from tests.helpers.small_atlas import REGIONS, save_small_atlas

import dtbsim
from dtbsim.config import load_config_data
from dtbsim.errors import InputError
from dtbsim.models.connections import explicit
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_SOURCE, philox_array
from dtbsim.spec import Network

N, M, EDGES = 60, 45, 4000
TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 40, block_size: 16}
seed: 3
populations:
  A: {model: iaf_psc_exp, size: 60, parameters: {I_e_pA: 480}}
  C: {model: iaf_psc_exp, size: 45, parameters: {tau_syn_ex_ms: 1.5}}
projections:
  P: {source: A, target: C, receptor: ex, rule: {kind: explicit, file: FILE}MORE}
"""


def columns(seed: int = 1, n: int = EDGES) -> dict[str, Any]:
    """A list with repeated pairs, zeros, both signs and delays of 1 to 300 steps."""
    draw = np.random.default_rng(seed)
    return {
        "source": draw.integers(0, N, n),
        "target": draw.integers(0, M, n),
        "weight": draw.integers(-200, 1000, n),
        "delay_steps": draw.integers(1, 301, n),
    }


def explicit_network(folder: Path, file: str, more: str = "", text: str = TEXT) -> Network:
    return network_of(text.replace("FILE", file).replace("MORE", more), base_dir=folder)


def table(network: Network, source: Any, target: Any, weight: Any, delay: Any) -> Any:
    """The synapses as they have to be: gids, channel, quanta, steps."""
    projection = network.projections[0]
    families = network.families
    channel = families[projection.target_family].channels[projection.channel]
    source0 = network.gid_starts[families[projection.source_family].populations[0]]
    target0 = network.gid_starts[families[projection.target_family].populations[0]]
    quanta = np.rint(np.asarray(weight) / channel.quantum).astype(np.int64)
    channels = np.full(len(source), projection.channel)
    parts = [np.asarray(source) + source0, np.asarray(target) + target0, channels, quanta, np.asarray(delay)]
    return sorted_rows(np.stack(np.broadcast_arrays(*parts), axis=1).astype(np.int64))


def write(folder: Path, name: str, values: dict[str, Any]) -> str:
    path = folder / name
    if path.suffix == ".npz":
        (np.savez_compressed if "packed" in name else np.savez)(path, **values)
    elif path.suffix == ".csv":
        lines = zip(*(v.tolist() for v in values.values()), strict=True)
        rows = [",".join(values), *(",".join(map(str, row)) for row in lines)]
        path.write_text("\n".join(rows) + "\n")
    elif path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.table(values), path)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            for key, value in values.items():
                file[key] = value
    return name


@pytest.mark.parametrize("name", ["e.npz", "packed.npz", "e.csv", "e.h5", "e.parquet"])
@pytest.mark.parametrize("kept", [True, False])
def test_the_synapses_are_those_of_the_list(tmp_path: Path, name: str, kept: bool, monkeypatch: Any) -> None:
    """Every format, with the list in memory or read again in small pieces, by any rank and thread."""
    if not kept:
        monkeypatch.setattr(explicit, "KEPT_EDGES", 100)
        monkeypatch.setattr("dtbsim.files.edges.ROWS", 333)
    edges = columns()
    network = explicit_network(tmp_path, write(tmp_path, name, edges))
    expected = table(network, edges["source"], edges["target"], edges["weight"], edges["delay_steps"])
    for n_ranks, threads in ((1, 1), (2, 1), (3, 2), (1, 3)):
        np.testing.assert_array_equal(all_synapses(network, n_ranks, threads), expected)
    assert network.entries.synapses.sum() == EDGES
    assert network.projections[0].delay_range(0.1) == (1, 300)


@pytest.mark.parametrize("rows", ["target", "source"])
@pytest.mark.parametrize("form", ["dense", "fortran", "csr", "csc", "coo"])
def test_a_matrix_of_weights(tmp_path: Path, form: str, rows: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("dtbsim.files.edges.ROWS", 100)
    draw = np.random.default_rng(2)
    matrix = draw.integers(-50, 50, (M, N)) * (draw.random((M, N)) < 0.3)
    target, source = np.nonzero(matrix)
    given = matrix if rows == "target" else matrix.T
    if form in ("dense", "fortran"):
        name = "m.npy"
        np.save(tmp_path / name, np.asfortranarray(given) if form == "fortran" else np.ascontiguousarray(given))
    else:
        name = "m.npz"
        sp.save_npz(tmp_path / name, getattr(sp, f"{form}_array")(given))
    text = TEXT.replace("file: FILE", f"file: FILE, matrix_rows: {rows}")
    network = explicit_network(tmp_path, name, ", delay_ms: 1.5", text)
    np.testing.assert_array_equal(all_synapses(network, 2), table(network, source, target, matrix[target, source], 15))


def test_what_is_not_listed_is_drawn_by_target_and_number(tmp_path: Path) -> None:
    edges = columns()
    name = write(tmp_path, "e.npz", {key: edges[key] for key in ("source", "target")})
    drawn = ", weight_pA: {distribution: normal, mean: 80, sd: 9}, delay_ms: {distribution: uniform, low: 1, high: 9}"
    network = explicit_network(tmp_path, name, drawn)
    projection = network.projections[0]
    number = np.zeros(EDGES, np.int64)
    for target in range(M):
        own = edges["target"] == target
        number[own] = np.arange(own.sum())
    last = (PURPOSE_SOURCE << PURPOSE_SHIFT) | projection.index
    words = philox_array((edges["target"] + N).astype(np.uint32), number.astype(np.uint32), 3, last, network.seed)
    quantum = network.families[1].channels[0].quantum
    assert projection.delay is not None
    weights = interpolated(projection.weight.fixed_point(quantum, 8), words[0], 8)
    delays = interpolated(projection.delay.fixed_point(0.1, 16), words[1], 16)
    expected = table(network, edges["source"], edges["target"], weights * quantum, delays)
    for n_ranks, threads in ((1, 1), (3, 2)):
        np.testing.assert_array_equal(all_synapses(network, n_ranks, threads), expected)


def interpolated(quantiles: Any, words: Any, bits: int) -> Any:
    index = (words >> 16).astype(np.int64)
    value = quantiles[index] + (((quantiles[index + 1] - quantiles[index]) * (words & 0xFFFF).astype(np.int64)) >> 16)
    return (value + (1 << (bits - 1))) >> bits


def test_populations_in_regions_are_numbered_through(tmp_path: Path) -> None:
    """Neuron i of the k-th region is number k * size + i; pairs of regions that have no edge are no pairs."""
    save_small_atlas(tmp_path)
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 5, block_size: 16}
atlas: small.npz
populations:
  A: {model: iaf_psc_exp, size: 20, regions: all}
  B: {model: iaf_psc_exp, size: 7, regions: all}
projections:
  P: {source: A, target: B, receptor: ex, rule: {kind: explicit, file: e.npz}, delay_ms: {tract_velocity_m_per_s: 2}}
"""
    regions = len(REGIONS)
    draw = np.random.default_rng(5)
    source, target = draw.integers(0, 20 * regions, 300), draw.integers(0, 7, 300) + 7 * draw.integers(0, 2, 300)
    linked = source // 20 == target // 7  # within regions there is a length; between them only where there is a tract
    source, target = source[linked], target[linked]
    np.savez(tmp_path / "e.npz", source=source, target=target, weight=np.arange(source.size))
    network = network_of(text, base_dir=tmp_path)
    expected = table(network, source, target, np.arange(source.size), 1)
    np.testing.assert_array_equal(all_synapses(network, 3, 2), expected)
    assert len(network.entries) == len({*zip((source // 20).tolist(), (target // 7).tolist(), strict=True)})


def test_delays_in_ms_count_as_the_nearest_step(tmp_path: Path) -> None:
    edges = {"source": [0, 1, 2], "target": [0, 1, 2], "weight": [1, 1, 1], "delay_ms": [0.1, 0.34, 7.25]}
    np.savez(tmp_path / "e.npz", **edges)
    network = explicit_network(tmp_path, "e.npz")
    assert all_synapses(network)[:, 4].tolist() == [1, 3, 73]
    assert any("nearest whole step" in note for note in network.notes)


def test_whole_weights_are_kept_exactly_or_refused(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    for largest, wide in ((32_767, False), (100_000, True), (2**26, True)):
        edges = columns() | {"weight": draw.integers(-largest, largest + 1, EDGES)}
        edges["weight"][:2] = 1, largest
        np.savez(tmp_path / "e.npz", **edges)
        network = explicit_network(tmp_path, "e.npz")
        quantum = network.families[1].channels[0].quantum
        weights = all_synapses(network)[:, 3] * quantum
        assert sorted(weights.tolist()) == sorted(edges["weight"].tolist())
        assert (network.families[1].channels[0].max_weight > 32_767) == wide
    edges["weight"][:2] = 1, 2**40
    np.savez(tmp_path / "e.npz", **edges)
    with pytest.raises(InputError, match=r"projections.P.rule: whole numbers as weights have to be kept exactly"):
        explicit_network(tmp_path, "e.npz")
    np.savez(tmp_path / "e.npz", **edges | {"weight": edges["weight"] + 0.5})
    explicit_network(tmp_path, "e.npz")  # fractions may be rounded


def test_plastic_synapses_begin_with_the_listed_weights(tmp_path: Path) -> None:
    edges = columns() | {"weight": np.random.default_rng(6).integers(1, 100, EDGES)}
    np.savez(tmp_path / "e.npz", **edges)
    network = explicit_network(tmp_path, "e.npz", ", synapse: {kind: stdp, weight_max: 500}")
    for n_ranks in (1, 3):
        found = [dynamic_synapses_of(built_rank(network, rank, n_ranks)) for rank in range(n_ranks)]
        part = next(part for rank in found for part, _ in rank)
        fine = part.quantum / 2 ** part.dynamics.shift(part.quantum)
        rows = sorted_rows(np.concatenate([synapses for rank in found for _, synapses in rank]))
        expected = table(network, edges["source"], edges["target"], edges["weight"], edges["delay_steps"])
        expected[:, 3] = expected[:, 3] * (part.quantum / fine)
        np.testing.assert_array_equal(rows, sorted_rows(expected))


def test_spikes_do_not_depend_on_ranks_and_threads(tmp_path: Path) -> None:
    edges = columns() | {"weight": np.random.default_rng(6).integers(1, 400, EDGES)}
    np.savez(tmp_path / "e.npz", **edges)
    network = explicit_network(tmp_path, "e.npz")
    spikes = simulate(network)
    assert (spikes[:, 1] >= N).sum() > 20
    np.testing.assert_array_equal(simulate_ranks(network, 3, 2), spikes)


def test_lists_from_python(tmp_path: Path) -> None:
    """Arrays are edges; more than a configuration can show become a file of the run folder, which runs again alone."""
    edges = columns(n=12_000) | {"weight": np.random.default_rng(6).integers(1, 300, 12_000)}
    population = {"model": "iaf_psc_exp", "parameters": {"I_e_pA": 480}}
    data = {
        "simulation": {"duration_ms": 20, "block_size": 16},
        "populations": {"A": population | {"size": N}, "C": population | {"size": M}},
        "projections": {
            "P": {"source": "A", "target": "C", "receptor": "ex", "rule": {"kind": "explicit", "edges": edges}}
        },
    }
    run = dtbsim.run(data, out=tmp_path / "run")
    kept = tmp_path / "run" / "inputs" / "projections.P.npz"
    with np.load(kept) as found:
        assert all((found[key] == edges[key]).all() for key in edges)
    again = dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == run.spike_hash
    with pytest.raises(InputError, match="12000 edges given as arrays are too many"):
        dtbsim.dump_config(load_config_data(data))


def test_a_file_is_kept_with_the_run(tmp_path: Path) -> None:
    write(tmp_path, "e.npz", columns())
    (tmp_path / "net.yaml").write_text(TEXT.replace("FILE", "e.npz").replace("MORE", ""))
    run = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run")
    kept = tmp_path / "run" / "inputs" / "projections.P.npz"
    assert kept.read_bytes() == (tmp_path / "e.npz").read_bytes()
    (tmp_path / "e.npz").unlink()
    assert dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again").spike_hash == run.spike_hash
