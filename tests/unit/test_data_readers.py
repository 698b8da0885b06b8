"""Matrices and series of regions come out of every kind of file as they were put in."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from dtbsim.data import match_labels, read_matrix, read_series
from dtbsim.errors import InputError

N = 5
LABELS = ("lh.Aa", "rh.Aa", "lh.B b", "rh.B b", "stem")
WEIGHTS = np.abs(np.random.default_rng(0).normal(size=(N, N))) * 100
BOLD = np.random.default_rng(1).normal(size=(12, N))


def _write(path: Path, values: np.ndarray, separator: str, *, columns: bool = False, rows: bool = False) -> Path:
    lines = [separator.join([*([""] if rows else []), *LABELS])] if columns else []
    for label, row in zip(LABELS if rows else range(len(values)), values, strict=True):
        lines.append(separator.join([*([label] if rows else []), *map(repr, row.tolist())]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "separator", "columns", "rows"),
    [
        (*kind, *labelled)
        for kind in (("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.txt", "  "))
        for labelled in ((False, False), (True, False), (True, True), (False, True))
        if kind[1] != "  " or not any(labelled)
    ],
)
def test_a_matrix_in_text_has_its_numbers_and_labels(
    tmp_path: Path, name: str, separator: str, columns: bool, rows: bool
) -> None:
    found = read_matrix(_write(tmp_path / name, WEIGHTS, separator, columns=columns, rows=rows))
    np.testing.assert_array_equal(found.values, WEIGHTS)
    assert found.labels == (LABELS if columns or rows else None)
    assert found.kind == "weights"
    assert any("semicolons" in notice for notice in found.notices) == (separator == ";")


def test_cells_without_numbers_in_the_diagonal_are_no_mistake(tmp_path: Path) -> None:
    rows = [["" if i == j else repr(value) for j, value in enumerate(row)] for i, row in enumerate(WEIGHTS.tolist())]
    rows[2][2] = "NaN"
    (tmp_path / "weights.csv").write_text("\n".join(map(",".join, rows)))
    found = read_matrix(tmp_path / "weights.csv")
    np.testing.assert_array_equal(found.values, np.where(np.eye(N, dtype=bool), 0, WEIGHTS))
    assert found.notices == ("5 numbers in the diagonal that are not finite are 0 now",)
    rows[1][3] = ""
    (tmp_path / "weights.csv").write_text("\n".join(map(",".join, rows)))
    with pytest.raises(InputError, match=r"weights\.csv:2: column 4 of row 2 is nan \(1 such cells\)"):
        read_matrix(tmp_path / "weights.csv")


def test_decimal_commas_are_read(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("\n".join(";".join(f"{value:.3f}".replace(".", ",") for value in row) for row in WEIGHTS))
    found = read_matrix(path)
    np.testing.assert_allclose(found.values, WEIGHTS, atol=5e-4)
    assert "decimal commas" in found.notices[0]


def _mat_73(path: Path) -> None:
    """As MATLAB 7.3 writes: axes the other way round, texts as uint16, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["SC"] = WEIGHTS.T
        file["SC"].attrs["MATLAB_class"] = np.bytes_("double")
        cells = file.create_dataset("labels", (1, N), dtype=h5py.ref_dtype)
        for index, label in enumerate(LABELS):
            text = file.create_dataset(f"#refs#/{index}", data=np.array([[ord(c)] for c in label], np.uint16))
            text.attrs["MATLAB_class"] = np.bytes_("char")
            cells[0, index] = text.ref
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize("name", ["a.npz", "a.mat", "a73.mat", "a.h5"])
def test_a_matrix_among_arrays_has_its_labels(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.npz":
        np.savez(path, SC=WEIGHTS, labels=np.array(LABELS), other=np.arange(7))
    elif name == "a73.mat":
        _mat_73(path)
    elif name == "a.mat":
        scipy.io.savemat(path, {"SC": WEIGHTS, "labels": np.array(LABELS, dtype=object), "s": {"x": 1.0}})
    else:
        with h5py.File(path, "w") as file:
            file["SC"], file["labels"] = WEIGHTS, list(LABELS)
    found = read_matrix(path)
    np.testing.assert_array_equal(found.values, WEIGHTS)
    assert (found.labels, found.kind) == (LABELS, "weights")
    assert "'sc'" in found.why


@pytest.mark.parametrize("turned", [False, True])
def test_a_series_has_time_first_whatever_the_file_has(tmp_path: Path, turned: bool) -> None:
    values = BOLD.T if turned else BOLD
    np.savez(tmp_path / "b.npz", bold=values, TR=0.72, labels=np.array(LABELS))
    found = read_series(tmp_path / "b.npz")
    np.testing.assert_array_equal(found.values, BOLD)
    assert (found.labels, found.period_s) == (LABELS, 0.72)
    np.savetxt(tmp_path / "b.csv", values, delimiter=",")
    found = read_series(tmp_path / "b.csv", period_s=2)
    np.testing.assert_array_equal(found.values, BOLD)
    assert (found.labels, found.period_s) == (None, 2)
    assert len(found.notices) == turned


def test_a_column_of_times_and_a_bids_sidecar_give_the_period(tmp_path: Path) -> None:
    rows = [",".join(["time", *LABELS])] + [",".join(map(str, (0.5 * k, *row))) for k, row in enumerate(BOLD)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    found = read_series(tmp_path / "t.csv")
    assert (found.period_s, found.labels) == (0.5, LABELS)
    with pytest.raises(InputError, match=r"given as 2 s, but the file says 0.5 s"):
        read_series(tmp_path / "t.csv", period_s=2)
    np.savetxt(tmp_path / "sub-1_bold.tsv", BOLD, delimiter="\t")
    (tmp_path / "sub-1_bold.json").write_text('{"RepetitionTime": 1.4}')
    assert read_series(tmp_path / "sub-1_bold.tsv").period_s == 1.4


def test_labels_are_matched_by_name_in_any_spelling() -> None:
    to = ("Aa_L", "ctx-rh-aa", "B_b_R", "Left B b")
    assert match_labels(LABELS, to).tolist() == [0, 1, 3, 2]
    with pytest.raises(InputError, match="1 of 1 regions are not among its 5 labels: 'Zz'"):
        match_labels(LABELS, ["Zz"])
    with pytest.raises(InputError, match=r"'Aa_L' is there twice \(regions 1 and 2\)"):
        match_labels(["Aa_L", "Aa_L"], ["Aa_L"])


def test_a_parcellated_series_has_labels_and_period(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel: pip install 'dtbsim[nifti]'")
    axes = nibabel.cifti2.cifti2_axes
    parcels = axes.ParcelsAxis(
        LABELS, [np.array([[k, 0, 0]]) for k in range(N)], [{}] * N, affine=np.eye(4), volume_shape=(9, 9, 9)
    )
    path = tmp_path / "a.ptseries.nii"
    nibabel.save(nibabel.Cifti2Image(BOLD, (axes.SeriesAxis(0, 0.72, len(BOLD)), parcels)), path)
    found = read_series(path)
    np.testing.assert_array_equal(found.values, BOLD)
    assert (found.labels, found.period_s) == (LABELS, 0.72)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"a\.ptseries\.nii: cannot be read: Expected"):
        read_series(path)
