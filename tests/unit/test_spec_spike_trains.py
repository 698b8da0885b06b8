"""Files with spike trains: what is read from them, and what damaged, odd or foreign files say."""

from __future__ import annotations

import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate
from tests.unit.config_samples import assert_for_people

from dtbsim.errors import InputError
from dtbsim.spec.places import Places
from dtbsim.spec.spike_trains import read_spike_trains

SIZE = 7
DT_MS = 0.1
COLUMNS = "it needs columns `neuron` and `time_ms`"
LONG = 99_999_999_999_999_999_999
"""A number beyond 64 bits."""


def read(path: Path) -> list[list[int]]:
    rows: list[list[int]] = read_spike_trains(path, SIZE, (DT_MS, "error"), "drives.s.file", Places()).tolist()
    return rows


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.where == "drives.s.file"
    assert path.name in caught.value.message
    assert_for_people(caught.value)
    return caught.value


def csv_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "spikes.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def npz_file(folder: Path, **arrays: Any) -> Path:
    path = folder / "spikes.npz"
    np.savez(path, **arrays)
    return path


# -- damaged archives -------------------------------------------------------------------------------------------------


def test_an_archive_that_is_whole_is_read(tmp_path: Path) -> None:
    path = npz_file(tmp_path, neuron=np.array([6, 0], np.uint8), time_ms=np.array([2, 1]))
    assert read(path) == [[10, 0], [20, 6]]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_archive_is_an_input_error(tmp_path: Path, save: Any) -> None:
    """Cut and altered anywhere; some changes do no harm, and the spikes are then the ones that were saved."""
    path, rng = tmp_path / "spikes.npz", random.Random(3)
    save(path, neuron=np.arange(50) % SIZE, time_ms=np.arange(50) / 5)
    whole, expected, faults = path.read_bytes(), read(path), 0
    for attempt in range(400):
        damaged = bytearray(whole[: rng.randrange(len(whole))] if attempt % 4 == 0 else whole)
        for _ in range(rng.randrange(1, 4) if damaged and attempt % 4 else 0):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            found = read(path)
        except InputError as error:
            faults += 1
            assert_for_people(error)
        else:
            assert found == expected
    assert faults > 300


def test_the_fault_of_an_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "spikes.npz"
    path.write_bytes(b"PK\x03\x04 no archive")
    error = refused(path)
    assert error.message == f"cannot read spike trains from {path}: is not an .npz archive"
    assert error.remedy == COLUMNS
    path.write_bytes(b"")
    assert "is not an .npz archive" in refused(path).message
    with path.open("wb") as stream:
        np.save(stream, np.arange(3))
    assert "is not an .npz archive" in refused(path).message


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_of_another_compression_is_refused(tmp_path: Path, method: int) -> None:
    path = npz_file(tmp_path, neuron=np.zeros(1000, np.int64), time_ms=np.arange(1000.0))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    assert refused(path).message.endswith("is compressed in a way that numpy does not use")


class Payload:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = npz_file(tmp_path, neuron=np.array([Payload(trace)], object), time_ms=np.ones(1))
    assert "holds Python objects" in refused(path).message
    path = npz_file(tmp_path, neuron=np.zeros(1, np.int64), time_ms=np.array([Payload(trace)], object))
    assert "holds Python objects" in refused(path).message
    path.write_bytes(pickle.dumps(Payload(trace)))
    assert "cannot read spike trains from" in refused(path).message
    assert not trace.exists()
    with np.load(npz_file(tmp_path, a=np.array([Payload(trace)], object)), allow_pickle=True) as archive:
        _ = archive["a"]
    assert trace.exists(), "the payload works"


def test_arrays_of_another_kind(tmp_path: Path) -> None:
    error = refused(npz_file(tmp_path, cell=np.zeros(1, np.int64), time_ms=np.ones(1)))
    assert error.message.endswith("its arrays are 'cell', 'time_ms'")
    assert error.remedy == COLUMNS
    error = refused(npz_file(tmp_path, neuron=np.zeros(2, bool), time_ms=np.ones(2)))
    assert error.message.endswith("`neuron` must be integers, not bool")
    for time_ms in (np.array(["1.0", "2.0"]), np.array([1.0, 2.0j]), np.ones(2, bool)):
        error = refused(npz_file(tmp_path, neuron=np.zeros(2, np.int64), time_ms=time_ms))
        assert error.message.endswith(f"`time_ms` must be numbers, not {time_ms.dtype}")
    error = refused(npz_file(tmp_path, neuron=np.int64(1), time_ms=np.float64(1)))
    assert "`neuron` () and `time_ms` () differ in shape" in error.message


# -- numbers out of range ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("neuron", [SIZE, 2**31, 2**63 - 1, 2**63, 2**64, LONG, -1, -LONG])
def test_a_neuron_out_of_range_is_named(tmp_path: Path, neuron: int) -> None:
    error = refused(csv_file(tmp_path, f"neuron,time_ms\n3,1.0\n{neuron},1.0\n"))
    low, high = min(3, neuron), max(3, neuron)
    if abs(neuron) < 2**63:
        assert error.message.endswith(f"neurons {low} to {high}; the population has 0 to 6")
    else:
        assert error.message.endswith(f"line 3: there is no neuron '{neuron}'")


def test_a_large_unsigned_neuron_is_named(tmp_path: Path) -> None:
    error = refused(npz_file(tmp_path, neuron=np.array([0, 2**64 - 1], np.uint64), time_ms=np.ones(2)))
    assert error.message.endswith(f"neurons 0 to {2**64 - 1}; the population has 0 to 6")


@pytest.mark.parametrize("kind", ["csv", "npz"])
@pytest.mark.parametrize("time_ms", [1e15, 1e18, 1e300, 1.7e308])
def test_a_time_of_no_step_names_the_largest(tmp_path: Path, kind: str, time_ms: float) -> None:
    if kind == "csv":
        path = csv_file(tmp_path, f"neuron,time_ms\n3,1.0\n2,{time_ms!r}\n")
    else:
        path = npz_file(tmp_path, neuron=np.array([3, 2]), time_ms=np.array([1.0, time_ms]))
    expected = f"a time of {time_ms:g} ms; the largest allowed is 9.0072e+14 ms (9007199254740992 steps)"
    assert refused(path).message.endswith(expected)


@pytest.mark.parametrize("time_ms", ["nan", "inf", "-inf", "1e999", "-0.001"])
def test_a_time_that_is_none(tmp_path: Path, time_ms: str) -> None:
    error = refused(csv_file(tmp_path, f"neuron,time_ms\n3,{time_ms}\n"))
    assert error.message.endswith("times must be finite and not negative")


def test_the_largest_time_is_read(tmp_path: Path) -> None:
    """To the precision of numbers so large."""
    ((step, neuron),) = read(csv_file(tmp_path, f"neuron,time_ms\n1,{2**53 * DT_MS!r}\n"))
    assert neuron == 1
    assert abs(step / 2**53 - 1) < 1e-11


PLAYED = """\
simulation: {dt_ms: 0.1, duration_ms: 5}
populations:
  S: {model: spike_source, size: 7, spikes_file: spikes.csv}
  N: {model: iaf_psc_exp, size: 7}
drives: {s: {kind: spike_trains, target: N, file: spikes.csv, weight_pA: 1}}
"""


def test_times_after_the_end_of_the_run_are_unused(tmp_path: Path) -> None:
    """The last step, 49, ends at 5 ms; what comes later is as if it were not there."""
    lines = "neuron,time_ms\n0,0.1\n2,4.9\n3,5.0\n"
    csv_file(tmp_path, lines)
    expected = network_of(PLAYED, base_dir=tmp_path)
    csv_file(tmp_path, lines + "4,5.1\n5,7000\n6,1e14\n")
    network = network_of(PLAYED, base_dir=tmp_path)
    spikes = simulate(network)
    assert spikes.tolist() == simulate(expected).tolist() == [[0, 0], [48, 2], [49, 3]]
    assert network.drives[0].events is not None
    assert network.drives[0].events.tolist() == [[1, 0], [49, 2]]


def test_times_of_single_precision_are_on_the_grid_within_it(tmp_path: Path) -> None:
    times = (np.arange(1, 2000) * DT_MS).astype(np.float32)
    neuron = np.zeros(times.size, np.int64)
    found = read(npz_file(tmp_path, neuron=neuron, time_ms=times))
    assert found == [[k, 0] for k in range(1, 2000)]


# -- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no columns are named in it"),
        ("\n0,1.0\n", "no columns are named in it"),
        ("0,1.0\n3,2.5\n", "its columns are '0', '1.0'"),
        ("cell,time_ms\n0,1.0\n", "its columns are 'cell', 'time_ms'"),
        ("neuron;time_ms\n0;1.0\n", "its columns are 'neuron;time_ms'"),
        ("neuron, time_ms\n0, 1.0\n", "its columns are 'neuron', ' time_ms'"),
        ("neuron,time_ms,neuron\n0,1.0,1\n", "its columns are 'neuron', 'time_ms', 'neuron'"),
        (",".join("abcdefghijk") + "\n", "its columns are 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ..."),
        ("x" * 1000, f"its columns are '{'x' * 55} ...'"),
    ],
)
def test_columns_that_are_missing_and_those_found(tmp_path: Path, content: str, found: str) -> None:
    path = csv_file(tmp_path, content)
    error = refused(path)
    assert error.message == f"cannot read spike trains from {path}: {found}"
    assert error.remedy == COLUMNS


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2", "line 3: 1 values for 3 columns"),
        ("2,1,5,x", "line 3: 4 values for 3 columns"),
        ("2.0,1.5,x", "line 3: invalid literal for int() with base 10: '2.0'"),
        ("2,soon,x", "line 3: could not convert string to float: 'soon'"),
        (",1.5,x", "line 3: invalid literal for int() with base 10: ''"),
    ],
)
def test_the_line_of_a_fault_is_named(tmp_path: Path, line: str, fault: str) -> None:
    error = refused(csv_file(tmp_path, f"neuron,time_ms,note\n1,1.0,x\n{line}\n3,2.0,x\n"))
    assert error.message.endswith(fault)


@pytest.mark.parametrize("content", ["neuron,time_ms\n0,1.0\n".encode("utf-16"), b"neuron,time_ms\n\xff,1.0\n"])
def test_text_in_another_encoding(tmp_path: Path, content: bytes) -> None:
    assert "codec can't decode" in refused(csv_file(tmp_path, content)).message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_line_ends_do_not_matter(tmp_path: Path, mark: bytes, end: str) -> None:
    lines = ["neuron,note,time_ms", '3,"a, b",1.0', "", "0,,2.5", ""]
    assert read(csv_file(tmp_path, mark + end.join(lines).encode())) == [[10, 3], [25, 0]]


@pytest.mark.parametrize("content", ["neuron,time_ms", "time_ms,neuron\n", "\ufeffneuron,time_ms\n\n"])
def test_a_file_that_only_names_its_columns_has_no_spikes(tmp_path: Path, content: str) -> None:
    spikes = read_spike_trains(csv_file(tmp_path, content), SIZE, (DT_MS, "error"), "x", Places())
    assert spikes.shape == (0, 2)
    assert spikes.dtype == np.int64


def test_an_archive_without_spikes(tmp_path: Path) -> None:
    assert read(npz_file(tmp_path, neuron=np.array([]), time_ms=np.array([]))) == []
