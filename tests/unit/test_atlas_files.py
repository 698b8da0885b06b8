"""One-file atlases of users, .npz and .h5: round trips; damaged, incomplete and misspelt ones."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_array

from dtbsim.atlas import Atlas, FcdReference, load_atlas, save_atlas
from dtbsim.atlas.archive import write_archive
from dtbsim.atlas.keys import KEYS, TEXT_KEYS
from dtbsim.errors import InputError, StorageError

DOCS = Path(__file__).parents[2] / "docs" / "atlas_format.md"
N = 246


def brainnetome_like(sparse=False, **changes):
    """246 regions with everything an atlas can hold."""
    rng = np.random.default_rng(246)
    weights = rng.lognormal(0, 2, (N, N)) * (rng.random((N, N)) < 0.3)
    np.fill_diagonal(weights, 0)
    lengths = np.where(weights > 0, rng.uniform(10, 200, (N, N)), 0)
    fc = np.corrcoef(rng.normal(size=(N, 300)))
    values = {
        "name": "bn",
        "description": "246 regions",
        "region_names": tuple(f"Area {i}, {'LR'[i % 2]}" for i in range(N)),
        "hemisphere": tuple("LR"[i % 2] for i in range(N)),
        "is_cortex": np.arange(N) < 210,
        "xyz_mm": rng.normal(0, 40, (N, 3)),
        "weights": csr_array(weights) if sparse else weights,
        "lengths_mm": csr_array(lengths) if sparse else lengths,
        "lengths_source": "measured",
        "weights_unit": "streamlines",
        "maps": {"thickness_mm": rng.uniform(2, 4, N)},
        "labels": {"lobe": tuple(f"löbe {i % 7}" for i in range(N))},
        "fc": (fc + fc.T) / 2,
        "fc_tr_s": 2.0,
        "other_fc": {"holdout": np.eye(N)},
        "fc_leave_one_out": np.array([0.5, 0.6]),
        "fcd": FcdReference(np.array([1.0, 3]), np.array([-1.0, 0, 1]), 60.0, 2.0, np.array([0.1])),
        "lead_field": rng.normal(size=(4, N)),
        "lead_field_channels": ("Fz", "Cz", "Pz", "Oz"),
        "lead_field_unit": "uV per nA m",
        "licence": "CC0",
        "citation": "nobody",
        "acknowledgement": "thanks",
        "notes": "made up",
    }
    return Atlas(**(values | changes))


def assert_same(have, want, exact=True):
    for key, expected in vars(want).items():
        if key.startswith("_") or key == "source":
            continue
        assert_same_value(getattr(have, key), expected, exact, key)


def assert_same_value(value, expected, exact, key):
    if isinstance(expected, FcdReference):
        for part, content in vars(expected).items():
            assert_same_value(getattr(value, part), content, exact, f"{key}.{part}")
    elif isinstance(expected, dict):
        assert list(value) == list(expected), key
        for name, content in expected.items():
            assert_same_value(value[name], content, exact, f"{key}.{name}")
    elif hasattr(expected, "toarray"):
        assert hasattr(value, "toarray"), key
        assert_same_value(value.toarray(), expected.toarray(), exact, key)
    elif isinstance(expected, np.ndarray):
        assert value.dtype == expected.dtype, key
        np.testing.assert_allclose(value, expected, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-7, err_msg=key)
    else:
        assert value == expected, key


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("suffix", ["npz", "h5", "hdf5"])
def test_round_trip_is_exact(tmp_path, suffix, sparse):
    atlas = brainnetome_like(sparse)
    path = save_atlas(atlas, tmp_path / f"bn246.{suffix}")
    again = load_atlas(path)
    assert again.is_sparse == sparse
    assert_same(again, atlas)
    assert again.source == str(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "nothing else is left behind"


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_round_trip_of_the_least_an_atlas_holds(tmp_path, suffix):
    atlas = Atlas(name="two", region_names=("a", "b"), xyz_mm=np.zeros((2, 3)), weights=np.zeros((2, 2)))
    assert_same(load_atlas(save_atlas(atlas, tmp_path / f"two.{suffix}")), atlas)


def test_compact_files_are_smaller_and_close(tmp_path):
    atlas = brainnetome_like()
    exact, compact = (save_atlas(atlas, tmp_path / f"{c}.npz", compact=c) for c in (False, True))
    assert compact.stat().st_size < 0.7 * exact.stat().st_size
    assert_same(load_atlas(compact), atlas, exact=False)


def test_saving_replaces_and_refuses(tmp_path):
    path = tmp_path / "a.npz"
    path.write_text("old")
    save_atlas(brainnetome_like(), path)
    assert load_atlas(path).name == "bn"
    with pytest.raises(InputError, match=r"cannot save an atlas as 'a\.csv'"):
        save_atlas(brainnetome_like(), tmp_path / "a.csv")
    with pytest.raises(StorageError, match="cannot write the atlas"):
        save_atlas(brainnetome_like(), tmp_path / "missing" / "a.npz")


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = save_atlas(brainnetome_like(), tmp_path / "a.h5")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_archive({"good": np.zeros(3), "bad": np.array([object()])}, path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def least_table():
    return {
        "region_names": np.array(["a", "b", "c"]),
        "xyz_mm": np.zeros((3, 3)),
        "weights": np.ones((3, 3)) - np.eye(3),
    }


def sparse_table():
    table = least_table()
    del table["weights"]
    return table | {
        "weights/data": np.array([1.0, 2.0]),
        "weights/indices": np.array([1, 2]),
        "weights/indptr": np.array([0, 1, 2, 2]),
    }


def save_table(folder, table, suffix):
    path = folder / f"user.{suffix}"
    write_archive(table, path)
    return path


@pytest.mark.parametrize("suffix", ["npz", "h5"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weigths": np.zeros((3, 3))}, r"unknown key 'weigths' \(did you mean 'weights'"),
        ({"length_mm": np.zeros((3, 3))}, "unknown key 'length_mm' .did you mean 'lengths_mm'"),
        ({"map/x": np.zeros(3)}, "unknown key 'map/x'"),
        ({"weights": None}, "missing weights .it holds region_names, xyz_mm"),
        ({"region_names": None, "xyz_mm": None}, "missing region_names"),
        ({"region_names": np.arange(3)}, "region_names must be a list of texts"),
        ({"format_version": np.int64(2)}, "format_version is 2; this program reads 1"),
        ({"name": np.zeros(3)}, "name must be one text"),
        ({"fc_tr_s": np.zeros(3)}, "fc_tr_s must be one number"),
        ({"fcd/hist": np.ones(3)}, "missing fcd/bin_edges, fcd/window_s, fcd/step_s"),
        (
            {
                "fcd/hist": np.ones(2),
                "fcd/bin_edges": np.array([0, 0, 1]),
                "fcd/window_s": np.float64(60),
                "fcd/step_s": np.float64(2),
            },
            "must ascend",
        ),
        ({"lengths_mm/data": np.ones(6)}, "lengths_mm/data goes with weights/data"),
        ({"weights": np.full((3, 3), np.nan)}, r"weights\[0, 0\] is nan"),
    ],
)
def test_wrong_archive(tmp_path, suffix, changes, message):
    table = {key: array for key, array in (least_table() | changes).items() if array is not None}
    path = save_table(tmp_path, table, suffix)
    with pytest.raises(InputError, match=message) as caught:
        load_atlas(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros((3, 3))}, "both weights and weights/"),
        ({"weights/indptr": None}, "sparse weights need .*; found weights/data, weights/indices"),
        ({"weights/indptr": np.array([0, 1, 2])}, "weights/indptr must be 4 ascending integers from 0 to 2"),
        ({"weights/indptr": np.array([0, 2, 1, 2])}, "weights/indptr must be 4 ascending"),
        ({"weights/indptr": np.array([0.0, 1, 1, 2])}, "must be integers"),
        ({"weights/indices": np.array([1, 3])}, "weights/indices must lie between 0 and 2"),
        ({"weights/indices": np.array([1])}, "as long as weights/data .2.; it has 1"),
        ({"weights/data": np.array(["x", "y"])}, "weights/data must be a list of numbers"),
        ({"lengths_mm/data": np.ones(3)}, "as long as lengths_mm/data .3.; it has 2"),
        ({"lengths_mm/data": np.array([0.0, 1])}, "target a, source b is 0 but the weight there is 1"),
    ],
)
def test_wrong_sparse_archive(tmp_path, changes, message):
    table = {key: array for key, array in (sparse_table() | changes).items() if array is not None}
    with pytest.raises(InputError, match=message):
        load_atlas(save_table(tmp_path, table, "npz"))


def test_sparse_archive_that_is_right(tmp_path):
    atlas = load_atlas(save_table(tmp_path, sparse_table() | {"lengths_mm/data": np.array([5.0, 7.0])}, "npz"))
    assert atlas.weights.toarray().tolist() == [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    assert atlas.edges().lengths_mm.tolist() == [5, 7]


def test_lengths_can_be_asked_to_be_estimated(tmp_path):
    table = least_table() | {"xyz_mm": np.diag([10.0, 20, 30]), "lengths_source": np.array("estimated")}
    atlas = load_atlas(save_table(tmp_path, table, "npz"))
    assert atlas.lengths_source == "estimated"
    assert atlas.lengths_mm[0, 1] == pytest.approx(1.172 * np.hypot(10, 20) + 38.7)


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_damaged_archives(tmp_path, suffix):
    """A file that is cut or has bytes overwritten is an InputError, or still an atlas; never another exception."""
    path = save_atlas(brainnetome_like(), tmp_path / f"a.{suffix}")
    whole = path.read_bytes()
    for share in (0, 0.01, 0.5, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match="damaged or truncated"):
            load_atlas(path)
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(25):
        start = int(rng.integers(len(whole) - 64))
        path.write_bytes(whole[:start] + rng.bytes(64) + whole[start + 64 :])
        try:
            load_atlas(path)
        except InputError:
            errors += 1
    assert errors > 10


def test_pickled_names_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **(least_table() | {"region_names": np.array(["a", "b", "c"], dtype=object)}))
    with pytest.raises(InputError, match=r"region_names holds Python objects .save names as"):
        load_atlas(path)


def test_byte_strings_of_hdf5_are_understood(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for key, array in least_table().items():
            file[key] = array.astype("S") if key == "region_names" else array
    assert load_atlas(path).region_names == ("a", "b", "c")


@pytest.mark.parametrize("name", ["nowhere.npz", "no/such/folder", "./aal2"])
def test_missing_path(tmp_path, name):
    with pytest.raises(InputError, match="there is no atlas"):
        load_atlas(name, base_dir=tmp_path)


def test_other_file_types_are_refused(tmp_path):
    (tmp_path / "a.mat").write_text("x")
    with pytest.raises(InputError, match=r"folder or a file ending in .npz, .h5, .hdf5; got 'a.mat'"):
        load_atlas("a.mat", base_dir=tmp_path)


def test_documentation_lists_every_key():
    text = DOCS.read_text()
    for key in KEYS:
        name = key.name + ("NAME" if key.name.endswith("/") else "")
        required = " (required)" if key.required else ""
        assert f"| `{name}` | {key.shape} | {key.text}{required} |" in text
    assert set(TEXT_KEYS) == {key.name for key in KEYS if key.shape == "text"}
