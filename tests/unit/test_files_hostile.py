"""Files of strangers end in one line, at once, whatever they declare, hold or point to."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.hostile_files import described, endless_hdf5, hdf5_with, npy_bytes, npz_bytes, zip_bomb

import dtbsim
from dtbsim.errors import InputError
from dtbsim.files import open_regular, read_hdf5, read_json, read_npy, read_npz, text_lines
from dtbsim.files.limits import MIB, MOST_LINE, most_array_bytes

ENDLESS = described("<f8", (10**15,))


def refused(read: Any, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}")
    assert len(text) < 1000
    return text.removeprefix(f"{path}: ")


# -- what is no file -----------------------------------------------------------------------------------------------


def pipe(path: Path) -> None:
    os.mkfifo(path)


def to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def socket_file(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [(pipe, "a named pipe"), (to_device, "a device"), (socket_file, "a socket"), (Path.mkdir, "a folder")],
)
def test_only_regular_files_are_opened(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "x.yaml"
    make(path)
    for read in (open_regular, read_npz, read_npy, read_json, read_hdf5, lambda path: next(text_lines(path, 10, ""))):
        assert refused(read, path) == f"{words}, not a file (give a regular file; copy into one first)"
    with pytest.raises(InputError, match=words):
        dtbsim.load_config(path)
    named = "a folder" if make is Path.mkdir else words
    config = {"simulation": {"duration_ms": 1}, "populations": {"S": {"model": "spike_source", "size": 1}}}
    for suffix in (".npz", ".csv"):
        other = path.rename(path.with_suffix(suffix))
        config["populations"]["S"]["spikes_file"] = str(other)  # type: ignore[index]
        with pytest.raises(InputError, match=named):
            dtbsim.validate(config)
        path = other
    if make is not Path.mkdir:
        for suffix in (".npz", ".h5"):
            with pytest.raises(InputError, match=words):
                dtbsim.load_atlas(path.rename(path.with_suffix(suffix)))
            path = path.with_suffix(suffix)


def test_files_of_an_atlas_folder_are_regular_files(tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_text("name,x_mm,y_mm,z_mm\na,1,2,3\nb,2,3,4\n")
    for name in ("weights.csv", "fc.npy", "weights.npz", "atlas.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="a named pipe, not a file"):
            dtbsim.load_atlas(tmp_path)
        (tmp_path / name).unlink()


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    (tmp_path / "b.npz").symlink_to("a.npz")
    assert read_npz(tmp_path / "b.npz")["x"].tolist() == [0, 1, 2]


# -- arrays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_as_numpy_reads_them(tmp_path: Path, compressed: bool) -> None:
    arrays: dict[str, Any] = {
        "floats": np.linspace(0, 1, 7).reshape(7, 1),
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "swapped": np.arange(4, dtype=">i4"),
        "texts": np.array([["a", "länger", ""]]),
        "bytes": np.array([b"ab", b"c"]),
        "flags": np.array([True, False]),
        "number": np.float32(2.5),
        "text": np.str_("one"),
        "none": np.zeros((0, 3)),
        "half": np.arange(3, dtype=np.float16),
        "complex": np.array([1 + 2j]),
    }
    path = tmp_path / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    found = read_npz(path)
    with np.load(path) as archive:
        assert sorted(found) == sorted(archive.files)
        for key, array in found.items():
            np.testing.assert_array_equal(array, archive[key])
            assert array.shape == archive[key].shape
            assert array.flags.writeable
            assert array.dtype.isnative
    np.save(tmp_path / "a.npy", arrays["fortran"])
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), arrays["fortran"])
    assert list(read_npz(path, ["flags"])) == ["flags"]


HEADERS = {
    "more than it has": (described("<f8", (3,)), bytes(16), "is said to have 24 bytes and has 16 bytes"),
    "less than it has": (described("<f8", (3,)), bytes(32), "is said to have 24 bytes and has 32 bytes"),
    "endless": (ENDLESS, bytes(8), "is said to have 8e+06 GB and has 8 bytes"),
    "overflowing": (described("<f8", (2**40, 2**40)), bytes(8), "is said to have"),
    "negative": (described("<f8", (-1, -1)), bytes(8), "cannot be read"),
    "nothing each": (described("<U0", (10**12,)), b"", "holds <U0"),
    "objects": (described("|O", (1,)), b"\x80\x03K\x01.", "holds Python objects"),
    "records": (described([("a", "<f8")], (1,)), bytes(8), "holds records"),  # type: ignore[arg-type]
    "void": (described("|V8", (1,)), bytes(8), "holds |V8"),
    "no dtype": (described("x9", (1,)), bytes(8), "cannot be read"),
    "code": ("__import__('os').system('true')", b"", "cannot be read"),
    "deep": ("(" * 5000, b"", "cannot be read"),
    "long": (described("<f8", (1,)) + " " * 20_000, bytes(8), "cannot be read"),
    "no truth": (described("|b1", (2,)), b"\x01\x02", "holds something that is no truth value"),
    "no character": (described("<U1", (1,)), b"\xff\xff\xff\xff", "holds something that is no character"),
    "half a character": (described("<U1", (1,)), b"\x00\xd8\x00\x00", "holds something that is no character"),
    "not a shape": (described("<f8", "x"), bytes(8), "cannot be read"),
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("version", [1, 2])
def test_headers_that_lie(tmp_path: Path, name: str, version: int) -> None:
    header, data, told = HEADERS[name]
    content = npy_bytes(header, data, version)
    (tmp_path / "a.npy").write_bytes(content)
    (tmp_path / "a.npz").write_bytes(npz_bytes({"key.npy": content}))
    assert told in refused(read_npy, tmp_path / "a.npy")
    assert told in refused(read_npz, tmp_path / "a.npz")


def test_other_versions_of_the_format_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(npy_bytes(described("<f8", (1,)), bytes(8), 9))
    assert "is no array as numpy.save writes it" in refused(read_npy, path)


def peak_of(code: str, *arguments: object) -> tuple[str, float]:
    """What a fresh interpreter says, and the memory it had at its peak (MB) beyond that of its imports."""
    code = (
        "import resource, sys\nfrom pathlib import Path\nimport dtbsim\nfrom dtbsim.files import *\n"
        "import numpy\nmemory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\nbefore = memory()\n"
        f"try:\n    {code}\nexcept dtbsim.InputError as error:\n    print(error)\n"
        "print(memory() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    said, used = done.stdout.rsplit("\n", 2)[:2]
    return said, float(used)


def test_bombs_are_refused_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    path.write_bytes(zip_bomb("weights.npy", 600 << 20))
    assert path.stat().st_size < 4e6
    said, used = peak_of("read_npz(Path(sys.argv[1]))", path)
    assert "says that it unpacks to 629 MB from" in said
    assert used < 50


def test_what_is_unpacked_is_bounded_by_the_file(tmp_path: Path) -> None:
    assert most_array_bytes(1) == 256 * MIB
    assert most_array_bytes(1 << 30) == 20 << 30
    zeros = tmp_path / "zeros.npz"
    np.savez_compressed(zeros, x=np.zeros(4 * MIB))
    assert read_npz(zeros)["x"].size == 4 * MIB, "32 MB of zeros are taken"


def test_archives_whose_lists_do_not_end(tmp_path: Path) -> None:
    content = npz_bytes({f"{k}.npy": b"" for k in range(300)})
    end = content.rindex(b"PK\5\6")
    path = tmp_path / "a.npz"
    for size in (2**31, 40_000_000):
        path.write_bytes(content[: end + 12] + size.to_bytes(4, "little") + content[end + 16 :])
        assert "lists more than 10,000 arrays" in refused(read_npz, path)


def test_damaged_archives(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "good.npz", x=np.arange(1000.0), y=np.array(["a", "b"]))
    good = (tmp_path / "good.npz").read_bytes()
    rng = np.random.default_rng(5)
    for trial in range(300):
        bad = bytearray(good)
        for at in rng.integers(0, len(good), rng.integers(1, 4)):
            bad[at] ^= 1 << int(rng.integers(8))
        if trial % 3 == 0:
            bad = bad[: rng.integers(len(good))]
        path = tmp_path / "bad.npz"
        path.write_bytes(bad)
        try:
            found = read_npz(path)
        except InputError:
            continue
        for key, array in found.items():  # flips of what does not count, such as times
            assert array.size in (1000, 2), key


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy_bytes(described("<f8", (1,)), bytes(8)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", npy_bytes(described("<f8", (1,)), bytes(8)))
    assert "'x' is there twice" in refused(read_npz, tmp_path / "a.npz")


# -- HDF5 ----------------------------------------------------------------------------------------------------------


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


# -- JSON and tables -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 500 + "1" + "}" * 500, "nested more than 100 deep"),
        ("1" * 10_000, "is not usable"),
        ('{"a": "\\ud800"}', r"\ud800 in the text '\ud800' is no character"),
        ('{"a\\u0000": 1}', r"\u0000 in the text 'a\x00' is no character"),
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ("nul", "is not valid JSON"),
    ],
)
def test_json_that_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert told in refused(read_json, path)


def test_json_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    values = {"a": [1, 2.5, None, True, "ü😀"], "b": {"c": {}}}
    path.write_text(json.dumps(values))
    assert read_json(path) == values
    path.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(path) == [1]


def test_lines_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\r\n" + b"x" * (MOST_LINE + 1))
    lines = text_lines(path, 100 * MIB, "")
    assert next(lines) == "a\r\n"
    with pytest.raises(InputError, match=rf"a\.csv:2: the line has more than {MOST_LINE:,} characters"):
        next(lines)
    assert "the file has 8.39 MB; at most 1.05 MB are read (make it smaller)" in refused(
        lambda path: next(text_lines(path, MIB, "make it smaller")), path
    )


# -- atlases and spikes --------------------------------------------------------------------------------------------


def atlas_folder(folder: Path, **files: str | bytes) -> Path:
    content: dict[str, str | bytes] = {
        "regions.csv": "name,x_mm,y_mm,z_mm\na,1,2,3\nb,2,3,4\n",
        "weights.csv": "0,1\n1,0\n",
        **{name.replace("__", "."): text for name, text in files.items()},
    }
    for name, text in content.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("atlas__json", "[" * 100_000, "nested too deeply"),
        (
            "atlas__json",
            '{"name": ["a", ["b"]]}',
            "name is ['a', ['b']] (allowed: a text, a number, or a list of one kind)",
        ),
        ("atlas__json", '{"notes": {"a": 1}}', "notes is {a: 1} (allowed: "),
        ("atlas__json", '{"fc_tr_s": 1e999}', "fc_tr_s is .inf (allowed: "),
        ("atlas__json", '{"fc_tr_s": ' + "9" * 400 + "}", "fc_tr_s is a whole number of about 400 digits (allowed: "),
        ("atlas__json", '{"fc_tr_s": true}', "fc_tr_s is true (allowed: "),
        ("atlas__json", '{"notes": null}', "notes is null (allowed: "),
        ("atlas__json", '{"notes": "\\ud800"}', r"\ud800 in the text"),
        ("atlas__json", '{"lead_field_channels": ["' + "x" * 5000 + '"]}', "entry 0 has 5,000 letters; at most 1,000"),
        ("regions__csv", f"name,x_mm,y_mm,z_mm\na,1,2,3\n{'b' * 5000},2,3,4\n", "entry 1 has 5,000 letters"),
        ("regions__csv", "name,x_mm,y_mm,z_mm\na,1,2,3\nb\0,2,3,4\n", "cannot be"),
        ("regions__csv", ",".join(f"c{k}" for k in range(20_000)), "20,000 columns; at most 10,000 are read"),
        ("regions__csv", "name,x_mm,y_mm,z_mm," + "y" * 5000 + "\n", "entry 4 has 5,000 letters"),
        ("weights__csv", "0," + "9" * 200_000 + "\n1,0", "field larger than field limit"),
        ("weights__csv", "0,1\n1," + "x" * 10_000, "column 2 is 'xxxx"),
        ("weights__npz", npz_bytes({"format.npy": npy_bytes(described("<U3", ()), "csr".encode("utf-32-le"))}), "both"),
    ],
)
def test_hostile_files_of_atlas_folders(tmp_path: Path, name: str, content: str | bytes, told: str) -> None:
    with pytest.raises(InputError) as caught:
        dtbsim.load_atlas(atlas_folder(tmp_path, **{name: content}))
    assert told in str(caught.value)
    assert len(str(caught.value)) < 1000


SQUARE = {"shape": np.array([2, 2]), "data": np.ones(1)}


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"shape": np.array([10**18, 10**18])},
        SQUARE | {"indices": np.array([9]), "indptr": np.array([0, 1, 1])},
        SQUARE | {"indices": np.array([0]), "indptr": np.array([0, 9, 9])},
        {"shape": np.array(["a", "b"])},
    ],
)
@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo", "dia", "xyz"])
def test_hostile_sparse_matrices(tmp_path: Path, kind: str, arrays: dict[str, Any]) -> None:
    atlas_folder(tmp_path)
    (tmp_path / "weights.csv").unlink()
    np.savez(tmp_path / "weights.npz", format=np.bytes_(kind), **arrays)
    with pytest.raises(InputError, match=r"sparse|shape"):
        dtbsim.load_atlas(tmp_path)


def test_a_hundred_thousand_regions_are_read_line_by_line(tmp_path: Path) -> None:
    from scipy.sparse import csr_array, save_npz

    n = 100_000
    rows = "".join(f"r{k},{k},0,0\n" for k in range(n))
    (tmp_path / "regions.csv").write_text(f"name,x_mm,y_mm,z_mm\n{rows}")
    chain = csr_array((np.ones(n - 1), (np.arange(1, n), np.arange(n - 1))), shape=(n, n))
    save_npz(tmp_path / "weights.npz", chain)
    atlas = dtbsim.load_atlas(tmp_path)
    assert atlas.n_regions == n
    assert atlas.n_connections == n - 1
    assert len(atlas.select(list(atlas.region_names))) == n


def test_a_million_spikes_are_read(tmp_path: Path) -> None:
    n = 1_000_000
    (tmp_path / "s.csv").write_text("neuron,time_ms\n" + "".join(f"{k % 7},{1 + k % 500}\n" for k in range(n)))
    config = {
        "simulation": {"duration_ms": 1000, "dt_ms": 1},
        "populations": {"S": {"model": "spike_source", "size": 7, "spikes_file": str(tmp_path / "s.csv")}},
    }
    assert dtbsim.validate(config).n_neurons == 7


def test_lists_of_a_million_entries_are_taken_in_linear_time() -> None:
    n = 1_000_000
    drive = dtbsim.DCDrive(target="E", amplitude=1, neurons=list(range(n)))
    assert len(drive.neurons) == n  # type: ignore[arg-type]
    for given, told in (
        ([*range(n), 5], "neurons names 5 twice"),
        (["x"] * n, "got 'x'"),
        ([-1] * n, "got -1"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            dtbsim.DCDrive(target="E", amplitude=1, neurons=given)
        assert len(str(caught.value)) < 20_000
    names = [f"r{k}" for k in range(100_000)]
    config: dict[str, Any] = {
        "simulation": {"duration_ms": 1},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 1}},
        "record": {"spikes": {"populations": [*names, *names]}},
    }
    with pytest.raises(InputError, match="no population 'r0'") as caught:
        dtbsim.validate(config)
    assert len(str(caught.value)) < 20_000


def test_the_bounds_of_the_other_process_leave_this_one_alone(tmp_path: Path) -> None:
    before = [resource.getrlimit(which) for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)]
    read_hdf5(hdf5_with(tmp_path / "a.h5", lambda file, h5py: file.__setitem__("x", np.arange(3))))
    after = [resource.getrlimit(which) for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)]
    assert before == after
