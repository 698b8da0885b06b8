"""HDF5 files of strangers: read by a process of its own, within bounds, and from nowhere else."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.hostile_files import endless_hdf5, hdf5_with, peak_of, refused

from dtbsim.files import read_hdf5


def test_hdf5_comes_as_the_library_reads_it(tmp_path: Path) -> None:
    def make(file: Any, h5py: Any) -> None:
        file["numbers"] = np.arange(6.0).reshape(2, 3)
        file.create_dataset("packed", data=np.arange(1000), compression="gzip", shuffle=True, fletcher32=True)
        file["group/flags"] = np.array([True, False])
        file["texts"] = np.array(["a", "länger"], object)
        file["text"] = "one"
        file["fixed"] = np.array([b"ab", b"c"])
        file["none"] = np.zeros((0, 2))

    table = read_hdf5(hdf5_with(tmp_path / "a.h5", make))
    assert table["numbers"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert table["packed"].tolist() == list(range(1000))
    assert table["group/flags"].tolist() == [True, False]
    assert table["texts"].tolist() == ["a", "länger"]
    assert str(table["text"]) == "one"
    assert table["fixed"].tolist() == ["ab", "c"]
    assert table["none"].shape == (0, 2)


def test_a_file_that_keeps_the_library_for_ever(tmp_path: Path) -> None:
    endless_hdf5(tmp_path / "a.h5")
    told = refused(read_hdf5, tmp_path / "a.h5")
    assert told.startswith("the HDF5 library does not come to an end with this file (stopped after 3 s)")


def nested(file: Any, h5py: Any) -> None:
    for _ in range(3000):
        file = file.create_group("g")


def in_itself(file: Any, h5py: Any) -> None:
    group = file.create_group("g")
    group["g"] = group


def virtual(file: Any, h5py: Any) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (3,))
    file.create_virtual_dataset("weights", layout)


def external(file: Any, h5py: Any) -> None:
    file.create_dataset("weights", shape=(3,), dtype="u1", external=[("/etc/passwd", 0, 3)])


def link_to_file(file: Any, h5py: Any) -> None:
    file["weights"] = h5py.ExternalLink("secret.h5", "/x")


def soft_link(file: Any, h5py: Any) -> None:
    file["weights"] = h5py.SoftLink("/elsewhere")


def huge(file: Any, h5py: Any) -> None:
    file.create_dataset("weights", shape=(10**6, 10**6), dtype="f8", chunks=(1000, 1000), compression="gzip")


def huge_texts(file: Any, h5py: Any) -> None:
    file.create_dataset("names", shape=(10**9,), dtype=h5py.string_dtype(), chunks=(1000,))


def long_texts(file: Any, h5py: Any) -> None:
    names = ["a"] * 10_000 + ["x" * 100_000]
    file.create_dataset("names", data=np.array(names, object), dtype=h5py.string_dtype())


def records(file: Any, h5py: Any) -> None:
    file["weights"] = np.zeros(3, [("a", "f8"), ("b", "i4")])


def references(file: Any, h5py: Any) -> None:
    file["a"] = np.arange(3)
    file.create_dataset("weights", data=np.array([file["a"].ref], object), dtype=h5py.ref_dtype)


def ragged(file: Any, h5py: Any) -> None:
    made = file.create_dataset("weights", (2,), dtype=h5py.vlen_dtype(np.dtype("f8")))
    made[0] = [1, 2, 3]


def a_type(file: Any, h5py: Any) -> None:
    file["kind"] = np.dtype("f8")


def many(file: Any, h5py: Any) -> None:
    for k in range(10_001):
        file.create_group(f"g{k}")


def empty(file: Any, h5py: Any) -> None:
    file["weights"] = h5py.Empty("f8")


HDF5 = {
    nested: "g/g: groups in groups are not read",
    in_itself: "g/g: groups in groups are not read",
    virtual: "weights takes its values from other files",
    external: "weights takes its values from other files",
    link_to_file: "weights is a link to another file",
    soft_link: "weights is a link to another place",
    huge: "weights has 8e+03 GB; at most 268 MB are read of a file of this size",
    huge_texts: "names has 8 GB; at most 268 MB",
    long_texts: "names holds a text of 100,000 letters; names have at most 1,000",
    records: "weights holds",
    references: "weights holds object",
    ragged: "weights holds object",
    a_type: "kind is neither an array nor a group",
    many: "holds more than 10,000 arrays and groups",
    empty: "weights is empty",
}


@pytest.mark.parametrize("make", HDF5, ids=lambda make: make.__name__)
def test_hdf5_that_is_refused(tmp_path: Path, make: Any) -> None:
    hdf5_with(tmp_path / "secret.h5", lambda file, h5py: file.__setitem__("x", np.array([41.0, 42.0, 43.0])))
    told = refused(read_hdf5, hdf5_with(tmp_path / "a.h5", make))
    assert told.startswith(HDF5[make])
    assert "4" not in told.partition("(")[0] or make in (huge, huge_texts, long_texts), "no value of another file"


def test_hdf5_needs_the_memory_of_another_process(tmp_path: Path) -> None:
    hdf5_with(tmp_path / "a.h5", huge)
    said, used = peak_of("read_hdf5(Path(sys.argv[1]))", tmp_path / "a.h5")
    assert "at most 268 MB" in said
    assert used < 50


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x89HDF\r\n\x1a\n" + bytes(1000), b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_hdf5(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    assert refused(read_hdf5, tmp_path / "a.h5").startswith("cannot be read as HDF5: ")


def test_modules_beside_the_file_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hdf5_with(tmp_path / "a.h5", lambda file, h5py: file.__setitem__("x", np.arange(3)))
    for name in ("h5py.py", "numpy.py", "json.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert read_hdf5(Path("a.h5"))["x"].tolist() == [0, 1, 2]
    assert not (tmp_path / "executed").exists()


def test_the_bounds_of_the_other_process_leave_this_one_alone(tmp_path: Path) -> None:
    before = [resource.getrlimit(which) for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)]
    read_hdf5(hdf5_with(tmp_path / "a.h5", lambda file, h5py: file.__setitem__("x", np.arange(3))))
    after = [resource.getrlimit(which) for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)]
    assert before == after
