"""Files of atlases and spikes that are hostile, or only very large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.hostile_files import described, npy_bytes, npz_bytes

import dtbsim
from dtbsim.errors import InputError


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
    (tmp_path / "s.csv").write_text("neuron,time_ms\n" + "".join(f"{k % 7},{1 + k % 1000}\n" for k in range(n)))
    config = {
        "simulation": {"duration_ms": 1000, "dt_ms": 1},
        "populations": {"S": {"model": "spike_source", "size": 7, "spikes_file": str(tmp_path / "s.csv")}},
    }
    assert dtbsim.validate(config).n_neurons == 7
