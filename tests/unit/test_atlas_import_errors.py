"""Bad data is refused in one line with place and remedy, and nothing is written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from tests.helpers.lab_files import BOLD, FC, LABELS, LENGTHS, WEIGHTS, N, write_folder, write_labelled

from dtbsim.cli import main
from dtbsim.data import read_matrix, read_series
from dtbsim.errors import EXIT_INPUT, InputError


def _nan(path: Path) -> None:
    values = WEIGHTS.copy()
    values[:, 2] = values[2, :] = np.nan
    np.savetxt(path / "weights.csv", values, delimiter=",")


def _negative(path: Path) -> None:
    np.savetxt(path / "weights.csv", np.where(WEIGHTS.max() == WEIGHTS, -1.0, WEIGHTS) * 3, delimiter=",")


def _other_order(path: Path) -> None:
    write_labelled(path / "weights.csv", WEIGHTS)
    text = (path / "weights.csv").read_text().replace("lh.Bb,", "lh.Aa,", 1)
    (path / "weights.csv").write_text(text)


def _twice(path: Path) -> None:
    write_labelled(path / "weights.csv", WEIGHTS)
    (path / "weights.csv").write_text((path / "weights.csv").read_text().replace("lh.Bb", "lh.Aa"))


def _other_atlas(path: Path) -> None:
    write_labelled(path / "weights.csv", WEIGHTS)
    other = [f"ctx{k}" for k in range(N)]
    rows = [",".join(["", *other])] + [",".join([name, *map(str, row)]) for name, row in zip(other, FC, strict=True)]
    (path / "fc.csv").write_text("\n".join(rows))


def _other_size(path: Path) -> None:
    write_labelled(path / "weights.csv", WEIGHTS)
    np.savetxt(path / "tract_lengths.csv", np.ones((N + 2, N + 2)), delimiter=",")


def _separators(path: Path) -> None:
    rows = [",".join(map(str, row)) for row in WEIGHTS]
    rows[3] = rows[3].replace(",", ";")
    (path / "weights.csv").write_text("\n".join(rows))


def _letters(path: Path) -> None:
    rows = [",".join(map(str, row)) for row in WEIGHTS]
    rows[3] = "x" + rows[3]
    rows[2] = rows[2].replace(",", ",?", 1)
    (path / "weights.csv").write_text("\n".join(rows))


def _bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path / "tvb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("weights.txt", "w") as file,
    ):
        for _ in range(2):
            file.write(bytes(1 << 20))


def _mat_bomb(path: Path) -> None:
    out = io.BytesIO()
    scipy.io.savemat(out, {"SC": np.zeros((500, 500))}, do_compression=True)
    (path / "all.mat").write_bytes(out.getvalue())


def _corrupt_mat(path: Path) -> None:
    out = io.BytesIO()
    scipy.io.savemat(out, {"SC": WEIGHTS}, do_compression=True)
    data = bytearray(out.getvalue())
    data[150:200] = bytes(50)
    (path / "all.mat").write_bytes(bytes(data))


def _entities(path: Path) -> None:
    (path / "a.graphml").write_text('<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "aa">]><graphml>&a;</graphml>')


CASES: list[tuple[Callable[[Path], object], str]] = [
    (_nan, "weights.csv: column 3 holds no numbers (1 of 6 regions) (leave the region out of rows and columns)"),
    (_negative, "weights.csv: weights in row "),
    (_other_order, "weights.csv:3: row 2 is 'lh.Bb' but column 2 is 'lh.Aa'"),
    (_twice, "weights.csv: the label 'lh.Aa' is there twice (regions 1 and 2)"),
    (_other_atlas, "fc.csv: 6 of 6 regions are not among its 6 labels: 'lh.Aa', 'lh.Bb', 'lh.Cc', ..."),
    (_other_size, "tract_lengths.csv: 8 regions, without labels; 6 are needed"),
    (_separators, "weights.csv:4: 1 cells where the first line has 6"),
    (_letters, "weights.csv:3: column 2 is '?"),
    (lambda path: (path / "weights.csv").write_text(""), "weights.csv: the file is empty (export it again)"),
    (lambda path: np.savetxt(path / "weights.csv", WEIGHTS[:4], delimiter=","), "found no weights of connections"),
    (_bomb, "tvb.zip: says that it unpacks to 2.1 MB in 1 files; at most 1.05 MB are read"),
    (_mat_bomb, "all.mat: SC has 2 MB; at most 1.05 MB are read of a file of this size"),
    (_corrupt_mat, "all.mat: cannot be read as MATLAB"),
    (lambda path: (path / "tvb.zip").write_bytes(b"PK nonsense"), "tvb.zip: is not a .zip archive"),
    (_entities, "a.graphml: declares entities, which are not read"),
    (lambda path: None, "the folder is empty"),
]


@pytest.mark.parametrize(("write", "message"), CASES)
def test_bad_sources(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], object],
    message: str,
) -> None:
    monkeypatch.setattr("dtbsim.files.limits._ARRAYS_BYTES", 1 << 20)
    source = tmp_path / "data"
    source.mkdir()
    write(source)
    files = list(source.glob("*.zip"))
    assert main(["atlas", "import", str(files[0] if files else source), "--out", str(tmp_path / "out")]) == EXIT_INPUT
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "(" in error, "a remedy"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_existing_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out: is there already"):
        import_nothing(tmp_path)


def import_nothing(folder: Path) -> None:
    import dtbsim

    dtbsim.import_atlas(folder / "missing", out=folder / "out")


def test_a_kind_of_file_that_is_not_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An error where it is named; in a folder it is left out, and that is said."""
    lab = write_folder(tmp_path / "lab")
    (lab / "tracts.tck").write_bytes(b"x")
    assert main(["atlas", "import", str(lab / "tracts.tck"), "--out", str(tmp_path / "out")]) == EXIT_INPUT
    assert "tracts.tck: is no kind of file that is known here (allowed: .csv" in capfd.readouterr().err
    assert main(["atlas", "import", str(lab), "--out", str(tmp_path / "out")]) == 0
    line = next(line for line in capfd.readouterr().out.splitlines() if "tracts.tck" in line)
    assert line.split(maxsplit=1)[1].startswith("left out  ")
    assert line.endswith("  a kind of file that is not read")


def test_two_candidates_for_one_role_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "lab")
    write_labelled(tmp_path / "lab" / "weights_old.csv", WEIGHTS)
    assert main(["atlas", "import", str(tmp_path / "lab"), "--out", str(tmp_path / "out")]) == EXIT_INPUT
    assert "2 parts may be the weights: " in (error := capfd.readouterr().err)
    assert "(name one: --weights FILE or FILE:VARIABLE)" in error


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (BOLD[:1], {}, "1 samples of 6 regions; a series has at least 2"),
        (np.where(np.arange(N) == 2, np.nan, BOLD), {}, r"column 3: 50 numbers are missing or not finite in 1 of 6"),
        (BOLD, {"period_s": 720}, r"a sampling period of 720 s \(give seconds"),
        (BOLD, {"period_s": -1}, "period_s: got -1"),
        (BOLD, {"variable": "x"}, "a text file has no variables"),
    ],
)
def test_bad_series(tmp_path: Path, content: np.ndarray, options: dict[str, object], message: str) -> None:
    np.savetxt(tmp_path / "bold.csv", content, delimiter=",", header=",".join(LABELS) if len(content) < 2 else "")
    with pytest.raises(InputError, match=message):
        read_series(tmp_path / "bold.csv", **options)


def test_bad_matrices_name_file_and_variable(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=WEIGHTS, two=LENGTHS)
    with pytest.raises(InputError, match=r"a\.npz: holds several arrays that may be square matrix: one \(6x6\), two"):
        read_matrix(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"there is no variable 'tow' \(did you mean 'two'"):
        read_matrix(tmp_path / "a.npz", variable="tow")
    np.save(tmp_path / "a.npy", WEIGHTS * 1j)
    with pytest.raises(InputError, match=r"holds no square matrix|holds complex numbers"):
        read_matrix(tmp_path / "a.npy")
