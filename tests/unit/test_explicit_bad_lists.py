"""Lists of edges that cannot be meant: one line with file, edge and remedy, exit code 2, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse as sp
from tests.helpers.networks import built_rank

from dtbsim.config import load_config_text
from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.spec import compile_network

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 5, max_delay_ms: 50}
populations:
  A: {model: iaf_psc_exp, size: 10}
  C: {model: iaf_psc_exp, size: 20}
projections:
  P: {source: A, target: C, receptor: ex, rule: {kind: explicit, file: FILE}MORE}
"""
GOOD: dict[str, Any] = {
    "source": np.arange(10),
    "target": np.arange(10) * 2,
    "weight": np.arange(10) * 1.5,
    "delay_ms": np.full(10, 1.0),
}


def at(column: str, value: Any, place: int = 7) -> dict[str, Any]:
    """The good list with another value at one place."""
    values = (
        GOOD[column].copy()
        if np.asarray(value).dtype.kind == GOOD[column].dtype.kind
        else GOOD[column].astype(type(value))
    )
    values[place] = value
    return GOOD | {column: values}


def without(*columns: str) -> dict[str, Any]:
    return {key: values for key, values in GOOD.items() if key not in columns}


ARRAYS = {
    "source too large": (at("source", 10), "", "edge 7 (from 0): source 10; population 'A' has 0 to 9"),
    "source below 0": (at("source", -1), "", "edge 7 (from 0): source -1; population 'A' has 0 to 9"),
    "target too large": (at("target", 2**40), "", "edge 7 (from 0): target 1099511627776; population 'C' has 0 to 19"),
    "unsigned": (GOOD | {"target": np.full(10, 2**64 - 1, np.uint64)}, "", "target 18446744073709551615;"),
    "NaN weight": (at("weight", np.nan), "", "edge 7 (from 0): weight is nan (allowed: numbers up to 3.4e+38 in size)"),
    "huge weight": (at("weight", 1e39), "", "edge 7 (from 0): weight is 1e+39"),
    "NaN delay": (at("delay_ms", np.nan), "", "edge 7 (from 0): delay_ms is nan"),
    "negative delay": (at("delay_ms", -1.0), "", "a delay of -1 ms is shorter than one step (dt_ms = 0.1)"),
    "no delay": (at("delay_ms", 0.0), "", "edge 7 (from 0): a delay of 0 ms is shorter than one step"),
    "long delay": (at("delay_ms", 51.0), "", "delays up to 51 ms are beyond the maximum of 50 ms"),
    "endless delay": (at("delay_ms", 1e300), "", "edge 7 (from 0): delay_ms is 1e+300"),
    "no step": (without("delay_ms") | {"delay_steps": np.arange(10)}, "", "edge 0 (from 0): a delay of 0 steps"),
    "parts of steps": (without("delay_ms") | {"delay_steps": np.ones(10)}, "", "delay_steps holds float64"),
    "both delays": (GOOD | {"delay_steps": np.ones(10, int)}, "", "has the columns delay_ms and delay_steps"),
    "both weights": (GOOD | {"weight_pA": np.ones(10)}, "", "has the columns weight and weight_pA"),
    "numbers as neurons": (GOOD | {"source": GOOD["source"] * 1.0}, "", "source holds float64 (it must be"),
    "texts as weights": (GOOD | {"weight": np.array(["a"] * 10)}, "", "weight holds <U1 (it must be numbers)"),
    "objects": (GOOD | {"weight": np.array([None] * 10)}, "", "weight holds Python objects"),
    "lengths": (GOOD | {"weight": np.ones(9)}, "", "length: source 10, target 10, weight 9, delay_ms 10"),
    "dimensions": (GOOD | {"weight": np.ones((10, 1))}, "", "weight has the shape (10, 1)"),
    "no targets": (without("target"), "", "there is no column target (allowed: source, target, and as needed weight"),
    "misspelt": (without("delay_ms") | {"delays": np.ones(10)}, "", "the column 'delays' is not known (allowed"),
    "unit": (without("weight") | {"weight_nS": np.ones(10)}, "", "model 'iaf_psc_exp' takes weight_pA, not weight_nS"),
    "weights twice": (GOOD, ", weight_pA: 3", "projections.P.weight_pA: the rule lists weights, too"),
    "delays twice": (GOOD, ", delay_ms: 3", "projections.P.delay_ms: the rule lists delays, too"),
    "no weights": (without("weight"), "", "projections.P: no weight is given, and the rule lists none"),
    "no delays": (without("delay_ms"), "", "projections.P.delay_ms: no delay is given, and the rule lists none"),
    "two units": (without("weight"), ", weight_pA: 3, weight_mV: 3", "give exactly one of weight_pA"),
    "procedural": (GOOD, ", procedural: true", "projections.P.procedural: explicit draws by target"),
}  # fmt: skip


def refused(folder: Path, file: str, more: str = "", error: type[Exception] = InputError) -> str:
    with pytest.raises(error) as caught:
        compile_network(load_config_text(TEXT.replace("FILE", file).replace("MORE", more)), folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_good_list_is_good(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", **GOOD)
    network = compile_network(load_config_text(TEXT.replace("FILE", "e.npz").replace("MORE", "")), tmp_path)
    assert network.entries.synapses.sum() == 10


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(tmp_path: Path, case: str) -> None:
    columns, more, expected = ARRAYS[case]
    np.savez(tmp_path / "e.npz", **columns)
    message = refused(tmp_path, "e.npz", more)
    assert expected in message
    assert "projections.P" in message


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("e.csv", "source,target\n1,2\n3\n", "e.csv:3: 1 values for 2 columns"),
        ("e.csv", "source,target\n1,2\n1.5,2\n", "e.csv:3: source: '1.5' is not a whole number"),
        ("e.csv", "source,target,weight\n1,2,x\n", "e.csv:2: weight: 'x' is not a number"),
        ("e.csv", "source,target,source\n1,2,3\n", "the column source is there twice"),
        ("e.csv", "", "there is no column source and no column target"),
        ("e.csv", f"source,target\n{10**30},2\n", "edge 0 (from 0): source a whole number of about 30 digits"),
        ("e.csv", "source,target\n1,2\n\xff", "cannot be read"),
        ("e.npz", "no archive", "is not an .npz archive"),
        ("e.h5", "no file", "HDF5"),
        ("e.txt", "source,target", "is none of .npz, .npy, .csv, .h5, .hdf5, .parquet"),
    ],
)
def test_files(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text, encoding="latin1")
    assert expected in refused(tmp_path, name, ", weight_pA: 1, delay_ms: 1")


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path, "nowhere.npz")
    (tmp_path / "folder.npz").mkdir()
    assert "a folder, not a file" in refused(tmp_path, "folder.npz")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "a named pipe, not a file" in refused(tmp_path, "pipe.csv")


def test_a_truncated_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", **GOOD)
    whole = (tmp_path / "e.npz").read_bytes()
    at = whole.index(b"weight.npy") + 200
    (tmp_path / "e.npz").write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])  # the checksum of a column is wrong
    assert "cannot be read" in refused(tmp_path, "e.npz")


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.ones((10, 20)), "a matrix of 10 x 20; 20 target neurons (rows) and 10 source neurons (columns) are needed "
                            "(give matrix_rows: source)"),
        (np.ones((20, 11)), "(give a matrix of this shape, or a list of edges)"),
        (np.ones(20), "has the shape (20,)"),
        (np.full((20, 10), np.nan), "edge 0 (from 0): weight is nan"),
        (np.full((20, 10), "a"), "holds <U1"),
    ],
)  # fmt: skip
def test_matrices(tmp_path: Path, matrix: Any, expected: str) -> None:
    np.save(tmp_path / "m.npy", matrix)
    assert expected in refused(tmp_path, "m.npy", ", delay_ms: 1")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"indptr": np.arange(21) * 3}, "its indptr is none of this matrix"),
        ({"indptr": np.arange(21)[::-1].copy()}, "its indptr is none of this matrix"),
        ({"indptr": np.zeros(5, int)}, "its indptr is none of this matrix"),
        ({"indices": np.full(20, 99)}, "source 99; population 'A' has 0 to 9"),
        ({"indices": np.full(20, 0.5)}, "indices holds float64"),
        ({"shape": np.array([10**15, 10])}, "a matrix of 1,000,000,000,000,000 x 10"),
        ({"format": np.array("dia")}, "is a sparse matrix in the format 'dia'"),
        ({"data": np.ones(3)}, "its columns differ in length"),
    ],
)
def test_sparse_matrices(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    matrix = sp.csr_array((np.ones(20), (np.arange(20), np.arange(20) % 10)), shape=(20, 10))
    sp.save_npz(tmp_path / "m.npz", matrix)
    with np.load(tmp_path / "m.npz") as found:
        np.savez(tmp_path / "m.npz", **dict(found) | change)
    assert expected in refused(tmp_path, "m.npz", ", delay_ms: 1")


def test_neither_or_both(tmp_path: Path) -> None:
    for rule, expected in (
        ("explicit", "give file or edges"),
        ("{kind: explicit, file: e.npz, edges: {source: [], target: []}}", "give file or edges, not both"),
        ("{kind: explicit, edges: {source: [1, 2], target: [1]}}", "source has 2 entries, target 1"),
        ("{kind: explicit, edges: {source: [1], target: [x]}}", "got 'x' (allowed: a whole number"),
    ):
        with pytest.raises(InputError, match=r"projections\.P\.rule") as caught:
            load_config_text(TEXT.replace("{kind: explicit, file: FILE}", rule).replace("MORE", ""))
        assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["e.npz", "e.csv", "e.h5"])
def test_a_list_without_edges_still_has_its_columns(tmp_path: Path, name: str) -> None:
    none = {key: values[:0] for key, values in GOOD.items()}
    if name == "e.csv":
        (tmp_path / name).write_text(",".join(none) + "\n")
    elif name == "e.h5":
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in none.items():
                file[key] = values
    else:
        np.savez(tmp_path / name, **none)
    network = compile_network(load_config_text(TEXT.replace("FILE", name).replace("MORE", "")), tmp_path)
    assert network.entries.synapses.sum() == 0


def test_parquet_without_pyarrow_is_one_line(tmp_path: Path, monkeypatch: Any) -> None:
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "e.parquet").write_bytes(b"PAR1")
    assert "pyarrow cannot be imported" in refused(tmp_path, "e.parquet", error=MissingDependencyError)


def test_a_file_that_changes_between_check_and_build(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("dtbsim.models.connections.explicit.KEPT_EDGES", 5)
    np.savez(tmp_path / "e.npz", **GOOD)
    network = compile_network(load_config_text(TEXT.replace("FILE", "e.npz").replace("MORE", "")), tmp_path)
    np.savez(tmp_path / "e.npz", **{key: values[:8] for key, values in GOOD.items()})
    with pytest.raises(InputError, match="changed while the network was built"):
        built_rank(network)


def test_a_file_larger_than_the_memory_is_read_in_pieces(tmp_path: Path) -> None:
    """The peak of a fresh process stays far below the 480 MB of the columns."""
    n = 20_000_000
    np.savez(tmp_path / "e.npz", source=np.full(n, 3), target=np.full(n, 4), weight=np.ones(n))
    (tmp_path / "net.yaml").write_text(TEXT.replace("FILE", "e.npz").replace("MORE", ", delay_ms: 1"))
    code = (
        "import resource, sys; from pathlib import Path; from dtbsim.config import load_config; "
        "from dtbsim.spec import compile_network; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        f"network = compile_network(load_config('{tmp_path}/net.yaml'), Path('{tmp_path}')); "
        f"assert network.entries.synapses.sum() == {n}; "
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 250


def test_the_command_line_says_one_line_and_writes_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", **at("source", 10))
    (tmp_path / "net.yaml").write_text(TEXT.replace("FILE", "e.npz").replace("MORE", ""))
    command = [sys.executable, "-m", "dtbsim", "run", str(tmp_path / "net.yaml"), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "net.yaml:6: projections.P.rule: " in done.stderr
    assert "source 10; population 'A' has 0 to 9" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
