"""Arrays of strangers, .npy and .npz: what they declare is checked before anything is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.hostile_files import described, npy_bytes, npz_bytes, peak_of, refused, zip_bomb

from dtbsim.errors import InputError
from dtbsim.files import read_npy, read_npz
from dtbsim.files.limits import MIB, most_array_bytes

ENDLESS = described("<f8", (10**15,))


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
        assert "lists more than 10,000 members" in refused(read_npz, path)


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
