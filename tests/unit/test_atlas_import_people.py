"""Lists of connections, arrays with an axis of people, and several sessions become atlases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from tests.helpers.lab_files import BOLD, DIRECTED, LABELS, LENGTHS, WEIGHTS, XYZ, N, write_labelled

import dtbsim
from dtbsim.atlas import load_atlas
from dtbsim.cli import main
from dtbsim.errors import EXIT_INPUT

PEOPLE = 3
STACK = np.stack([WEIGHTS * (k + 1) for k in range(PEOPLE)], axis=-1)
"""Regions, regions, people, as in MATLAB."""
SERIES = np.stack([BOLD + 0.1 * k * BOLD**2 for k in range(PEOPLE)])
"""People, times, regions."""


def write_edges(path: Path, head: str, both: bool, separator: str = ",") -> Path:
    """Weights of DIRECTED (or the upper half of WEIGHTS), source first, with lengths."""
    pairs = [(i, j) for i in range(N) for j in range(N) if (i != j if both else i < j)]
    matrix = DIRECTED if both else WEIGHTS
    cells = [[LABELS[i], LABELS[j], repr(float(matrix[j, i])), repr(float(LENGTHS[j, i]))] for i, j in pairs]
    path.write_text("\n".join([head] * bool(head) + [separator.join(row) for row in cells]) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "head", "both"),
    [
        ("connectome.csv", "source,target,weight,length", True),
        ("connectome.csv", "From,To,streamlines,fiber_length_mean", False),
        ("edges.tsv", "", False),
    ],
)
def test_a_list_of_connections_is_a_connectome(tmp_path: Path, name: str, head: str, both: bool) -> None:
    path = write_edges(tmp_path / name, head, both, "\t" if name.endswith("tsv") else ",")
    made = dtbsim.import_atlas(path, out=tmp_path / "brain")
    order = [made.atlas.display_names.index(label) for label in LABELS]
    np.testing.assert_array_equal(made.atlas.weights[np.ix_(order, order)], DIRECTED if both else WEIGHTS)
    np.testing.assert_array_equal(made.atlas.lengths_mm[np.ix_(order, order)], LENGTHS)
    said = "the source sends" if both else "connections are taken for both"
    assert any(said in line for line in made.changes)


def test_a_list_with_numbers_of_regions_has_the_labels_of_a_table(tmp_path: Path) -> None:
    rows = [f"{i + 1} {j + 1} {WEIGHTS[j, i]!r}".replace("np.float64(", "").replace(")", "") for i in range(N)
            for j in range(i)]  # fmt: skip
    (tmp_path / "edges.txt").write_text("\n".join(rows))
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    made = dtbsim.import_atlas(weights=tmp_path / "edges.txt", labels=tmp_path / "labels.txt", out=tmp_path / "brain")
    np.testing.assert_array_equal(made.atlas.weights, WEIGHTS)
    assert made.atlas.display_names == LABELS


@pytest.mark.parametrize("kind", ["mat", "npz", "cells"])
def test_an_axis_of_people_is_taken_apart(tmp_path: Path, kind: str) -> None:
    names = np.array(["anna", "ben", "carl"])
    parts: dict[str, Any] = {"SC": STACK, "len": LENGTHS, "bold": SERIES, "TR": 0.8, "centers": XYZ}
    path = tmp_path / f"study.{'npz' if kind == 'npz' else 'mat'}"
    if kind == "cells":
        cells = np.empty(PEOPLE, dtype=object)
        series = np.empty(PEOPLE, dtype=object)
        for k in range(PEOPLE):
            cells[k], series[k] = STACK[..., k], SERIES[k]
        parts |= {"SC": cells, "bold": series}
    if kind == "npz":
        np.savez(path, **{**parts, "SC": np.moveaxis(STACK, -1, 0)}, subjects=names, labels=np.array(LABELS))
    else:
        scipy.io.savemat(path, {**parts, "subjects": names.astype(object), "labels": np.array(LABELS, dtype=object)})
    made = dtbsim.import_atlas(path, out=tmp_path / "group")
    assert made.people == tuple(names)
    np.testing.assert_allclose(made.atlas.weights, 2 * WEIGHTS)
    for k, person in enumerate(made.people):
        atlas = load_atlas(made.path / "subjects" / person)
        np.testing.assert_array_equal(atlas.weights, STACK[..., k])
        np.testing.assert_array_equal(atlas.lengths_mm, LENGTHS)
        np.testing.assert_allclose(atlas.fc, np.corrcoef(SERIES[k], rowvar=False), atol=1e-12)
        assert (atlas.display_names, atlas.fc_tr_s) == (LABELS, 0.8)
    assert any("people" in line and str(PEOPLE) in line for line in made.changes)


def test_given_arrays_of_people_and_one_of_a_single_person(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", STACK)
    np.save(tmp_path / "b.npy", SERIES)
    made = dtbsim.import_atlas(weights=tmp_path / "a.npy", bold=tmp_path / "b.npy", out=tmp_path / "group", period_s=2)
    assert made.people == ("sub-01", "sub-02", "sub-03")
    np.testing.assert_array_equal(load_atlas(made.path / "subjects" / "sub-03").weights, 3 * WEIGHTS)
    np.savez(tmp_path / "one.npz", SC=STACK[..., :1], bold=SERIES[:1])
    one = dtbsim.import_atlas(tmp_path / "one.npz", out=tmp_path / "one")
    assert not one.people
    np.testing.assert_array_equal(one.atlas.weights, WEIGHTS)
    np.testing.assert_allclose(one.atlas.fc, np.corrcoef(BOLD, rowvar=False), atol=1e-12)


def test_sessions_of_a_person_are_their_mean(tmp_path: Path) -> None:
    source = tmp_path / "study"
    for person in (1, 2):
        for session in (1, 2):
            own = source / f"sub-{person}" / f"ses-{session}"
            (own / "dwi").mkdir(parents=True)
            (own / "func").mkdir()
            order = list(range(N)) if session == 1 else list(range(N))[::-1]
            name = f"sub-{person}_ses-{session}"
            write_labelled(own / "dwi" / f"{name}_connectome.csv", WEIGHTS * person * session, order)
            np.savetxt(own / "func" / f"{name}_task-rest_bold.tsv", BOLD + 0.2 * session * BOLD**2,
                       delimiter="\t", header="\t".join(LABELS), comments="")  # fmt: skip
            (own / "func" / f"{name}_task-rest_bold.json").write_text(json.dumps({"RepetitionTime": 2}))
    made = dtbsim.import_atlas(source, out=tmp_path / "group")
    assert made.people == ("sub-1", "sub-2")
    second = load_atlas(made.path / "subjects" / "sub-2")
    np.testing.assert_allclose(second.weights, 3 * WEIGHTS)
    z = [np.arctanh(np.corrcoef(BOLD + 0.2 * k * BOLD**2, rowvar=False)[0, 1]) for k in (1, 2)]
    assert second.fc[0, 1] == pytest.approx(np.tanh(np.mean(z)))
    assert len(list((made.path / "subjects" / "sub-2" / "bold").glob("*.npz"))) == 2
    assert "everybody: weights: mean over 2 sessions (ses-1, ses-2)" in made.changes


def _edges(*lines: str) -> Callable[[Path], object]:
    return lambda path: (path / "edges.csv").write_text("\n".join(("source,target,weight", *lines)))


def _stack(**arrays: Any) -> Callable[[Path], object]:
    return lambda path: np.savez(path / "all.npz", **arrays)


def _sessions(path: Path) -> None:
    for session, size in ((1, N), (2, N - 1)):
        (path / f"ses-{session}").mkdir()
        np.savetxt(path / f"ses-{session}" / "weights.csv", WEIGHTS[:size, :size], delimiter=",")


CASES: list[tuple[Callable[[Path], object], str]] = [
    (_edges("a,b,1", "b,c,2", "a,b,3"), "edges.csv:4: this connection is in line 2 already (a, b)"),
    (_edges("a,b,1", "b,c,many"), "edges.csv:3: column 3 is 'many'; needed a number"),
    (_edges("a,b,1", "b,c,nan"), "edges.csv:3: column 3 is 'nan'; needed a number"),
    (_edges("a,b,1", "b,c"), "edges.csv:3: 2 cells where the first line has 3"),
    (_edges("a,b,1", ",c,2"), "edges.csv:3: has no name of a region"),
    (_edges("a,b,1", "b,c,-2"), "weights in row 2, column 3 are -2"),
    (_edges("0,999999,1"), "edges.csv: has 1,000,000 regions; at most 20,000 are read"),
    (_edges(), "edges.csv:1: names columns and has no connections below them"),
    (_stack(SC=np.ones((N, N, 2, 2))), "all.npz: SC: has 4 axes (6x6x2x2); at most 3 are read"),
    (_stack(SC=np.random.default_rng(0).random((N, N, N))), "all.npz: SC: has three axes of 6"),
    (_stack(SC=STACK, FC=np.ones((N, N, 2))), "all.npz: FC: 2 people, but "),
    (_stack(SC=STACK, bold=np.ones((7, 50, N))), "all.npz: bold: has 7x50x6 numbers: which axes are 6 regions and 3"),
    (_stack(SC=STACK, subjects=np.array(["a", "a", "b"])), "all.npz: subjects: the person 'a' is there twice"),
    (_sessions, "weights.csv: 5 regions, but "),
]


@pytest.mark.parametrize(("write", "message"), CASES)
def test_bad_sources(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], write: Callable[[Path], object], message: str
) -> None:
    source = tmp_path / "data"
    source.mkdir()
    write(source)
    assert main(["atlas", "import", str(source), "--out", str(tmp_path / "out")]) == EXIT_INPUT
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "(" in error, "a remedy"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
