"""Atlas objects: dense and sparse connectomes behave alike; names, selections, subsets."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from dtbsim.atlas import Atlas, FcdReference, atlas_summary
from dtbsim.errors import InputError


def small(**changes):
    weights = np.array([[0, 1, 0], [2, 0, 0.5], [0, 0, 0]], dtype=float)
    values = {
        "name": "small",
        "region_names": ("A_L", "A_R", "Stem"),
        "hemisphere": ("L", "R", ""),
        "xyz_mm": [[-10, 0, 0], [10, 0, 0], [0, 0, -30]],
        "weights": weights,
        "lengths_mm": np.array([[0, 20, 33], [21, 0, 32], [33, 32, 0]], dtype=float),
    }
    return Atlas(**(values | changes))


def random_pair(n=40, seed=3):
    """The same directed connectome, dense and sparse."""
    rng = np.random.default_rng(seed)
    dense = random_array((n, n), density=0.2, rng=rng).toarray()
    np.fill_diagonal(dense, 0)
    lengths = np.where(dense > 0, rng.uniform(5, 200, (n, n)), 0)
    names = tuple(f"r{i}" for i in range(n))
    xyz = rng.normal(0, 40, (n, 3))
    return (
        Atlas(name="dense", region_names=names, xyz_mm=xyz, weights=dense, lengths_mm=lengths),
        Atlas(name="sparse", region_names=names, xyz_mm=xyz, weights=csr_array(dense), lengths_mm=csr_array(lengths)),
    )


def test_orientation_is_target_by_source():
    atlas = small()
    sources, weights, lengths = atlas.incoming(1)
    assert sources.tolist() == [0, 2]
    assert weights.tolist() == [2, 0.5]
    assert lengths.tolist() == [21, 32]
    assert atlas.in_strength().tolist() == [1, 2.5, 0]
    assert atlas.out_strength().tolist() == [2, 1, 0.5]
    assert atlas.incoming(2).sources.size == 0
    assert not atlas_summary(atlas)["symmetric"]


def test_dense_and_sparse_answer_alike():
    dense, sparse = random_pair()
    assert (dense.is_sparse, sparse.is_sparse) == (False, True)
    assert dense.n_connections == sparse.n_connections > 100
    for have, want in zip(sparse.edges(), dense.edges(), strict=True):
        np.testing.assert_array_equal(have, want)
        assert have.dtype == want.dtype
    for region in range(dense.n_regions):
        for have, want in zip(sparse.incoming(region), dense.incoming(region), strict=True):
            np.testing.assert_array_equal(have, want)
            assert have.dtype == want.dtype
    np.testing.assert_allclose(sparse.in_strength(), dense.in_strength())
    np.testing.assert_allclose(sparse.out_strength(), dense.out_strength())
    ignored = {"name", "sparse"}
    summaries = [{k: v for k, v in atlas_summary(a).items() if k not in ignored} for a in (dense, sparse)]
    assert summaries[0] == summaries[1]


@pytest.mark.parametrize("keep", [[5, 2, 30, 11], list(range(40))[::-1]])
def test_subsets_of_dense_and_sparse_agree(keep):
    dense, sparse = (atlas.subset(keep) for atlas in random_pair())
    assert sparse.is_sparse
    assert dense.region_names == sparse.region_names == tuple(f"r{i}" for i in keep)
    np.testing.assert_array_equal(sparse.weights.toarray(), dense.weights)
    for have, want in zip(sparse.edges(), dense.edges(), strict=True):
        np.testing.assert_array_equal(have, want)


def test_estimated_lengths_of_dense_and_sparse_agree():
    dense, sparse = (atlas.with_estimated_lengths() for atlas in random_pair())
    assert dense.lengths_source == sparse.lengths_source == "estimated"
    assert not dense.lengths_measured
    np.testing.assert_allclose(sparse.edges().lengths_mm, dense.edges().lengths_mm)
    a, b = dense.xyz_mm[4], dense.xyz_mm[9]
    assert dense.lengths_mm[4, 9] == pytest.approx(1.172 * np.linalg.norm(a - b) + 38.7)
    assert dense.lengths_mm[9, 4] == dense.lengths_mm[4, 9]


def test_sparse_form_is_canonical():
    """Unsorted entries are sorted, stored zeros are no connections, and lengths follow."""
    weights = csr_array((np.array([3.0, 1, 0, 2]), np.array([2, 1, 2, 0]), np.array([0, 2, 3, 4])), shape=(3, 3))
    lengths = csr_array(np.array([[0, 10, 20], [0, 0, 30], [40, 50, 0]], dtype=float))
    atlas = small(weights=weights, lengths_mm=lengths)
    edges = atlas.edges()
    assert edges.targets.tolist() == [0, 0, 2]
    assert edges.sources.tolist() == [1, 2, 0]
    assert edges.weights.tolist() == [1, 3, 2]
    assert edges.lengths_mm.tolist() == [10, 20, 40]
    assert weights.nnz == 4, "the caller's matrix is left alone"


def test_dense_and_sparse_matrices_mix():
    dense, sparse = random_pair()
    one = Atlas(
        name="x",
        region_names=dense.region_names,
        xyz_mm=dense.xyz_mm,
        weights=sparse.weights,
        lengths_mm=np.array(dense.lengths_mm),
    )
    other = Atlas(
        name="y",
        region_names=dense.region_names,
        xyz_mm=dense.xyz_mm,
        weights=dense.weights,
        lengths_mm=sparse.lengths_mm,
    )
    np.testing.assert_array_equal(one.edges().lengths_mm, dense.edges().lengths_mm)
    np.testing.assert_array_equal(other.edges().lengths_mm, dense.edges().lengths_mm)


def test_voxel_level_atlas_stays_sparse():
    """30,000 regions: a dense matrix would take 7 GB."""
    n, k = 30_000, 10
    rng = np.random.default_rng(1)
    targets = np.repeat(np.arange(n), k)
    sources = (targets + np.tile(np.arange(1, k + 1), n)) % n
    weights = csr_array((rng.uniform(0.1, 1, n * k), (targets, sources)), shape=(n, n))
    names = tuple(f"voxel-{i}" for i in range(n))
    atlas = Atlas(name="voxels", region_names=names, xyz_mm=rng.normal(0, 50, (n, 3)), weights=weights)
    atlas = atlas.with_estimated_lengths()
    assert atlas.n_connections == n * k
    assert atlas.incoming(n - 1).sources.tolist() == list(range(k))
    assert atlas.select(names[::-1])[0] == n - 1


def test_arrays_are_read_only_copies():
    weights = np.array([[0, 1], [1, 0]], dtype=float)
    atlas = Atlas(name="two", region_names=("a", "b"), xyz_mm=np.zeros((2, 3)), weights=weights)
    weights[0, 1] = 5
    assert atlas.weights[0, 1] == 1
    with pytest.raises(ValueError, match="read-only"):
        atlas.weights[0, 1] = 2
    with pytest.raises(ValueError, match="read-only"):
        small(weights=csr_array(small().weights)).weights.data[0] = 2


def test_names_become_keys_and_both_are_understood():
    atlas = small(region_names=("Area 8m, left", "Área-8m (R)", "7Networks_LH_Vis_1"))
    assert atlas.region_names == ("Area_8m_left", "Área-8m_R", "7Networks_LH_Vis_1")
    assert atlas.display_names[0] == "Area 8m, left"
    assert atlas.index("Area 8m, left") == atlas.index("Area_8m_left") == 0
    assert atlas.subset([1]).display_names == ("Área-8m (R)",)


def test_select():
    atlas = small()
    assert atlas.select("all").tolist() == [0, 1, 2]
    assert atlas.select("left").tolist() == [0]
    assert atlas.select("right").tolist() == [1]
    assert atlas.select(["Stem", "A_L"]).tolist() == [2, 0]
    assert atlas.select(["Stem"]).dtype == np.int64


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (["Stm"], "no region 'Stm' .did you mean 'Stem'"),
        (["Stem", "A_L", "Stem"], "Stem is listed twice"),
        ([], "list of regions is empty"),
        ("lefft", "unknown choice of regions 'lefft' .did you mean 'left'"),
    ],
)
def test_select_errors(regions, message):
    with pytest.raises(InputError, match=message):
        small().select(regions)


def test_select_needs_hemispheres():
    with pytest.raises(InputError, match="no region marked L"):
        small(hemisphere=()).select("left")


def test_map_and_fc_errors():
    atlas = small(maps={"thickness_mm": [1, 2, 3]})
    assert atlas.map("thickness_mm").tolist() == [1, 2, 3]
    with pytest.raises(InputError, match=r"no map 'thicknes_mm' .did you mean 'thickness_mm'"):
        atlas.map("thicknes_mm")
    with pytest.raises(InputError, match="no map 'x'"):
        small().map("x")
    with pytest.raises(InputError, match="holds no measured FC"):
        atlas.empirical_fc()
    with pytest.raises(InputError, match="no FC 'holdout'"):
        atlas.empirical_fc("holdout")


@pytest.mark.parametrize(
    ("regions", "message"),
    [([3], "between 0 and 2"), ([0, 0], "repeated"), ([], "needed a list"), ([0.5], "needed a list")],
)
def test_subset_errors(regions, message):
    with pytest.raises(InputError, match=message):
        small().subset(regions)


def test_fcd_histogram_is_normalised_to_shares():
    fcd = FcdReference(hist=np.array([1, 3]), bin_edges=np.array([-1, 0, 1]), window_s=60, step_s=2)
    assert fcd.hist.tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hist": [0, 0]}, "not all 0"),
        ({"hist": [-1, 2]}, "0 or more"),
        ({"bin_edges": [-1, 1, 0]}, "must ascend"),
        ({"bin_edges": [-1, 1]}, "fcd/bin_edges has shape"),
        ({"window_s": 0.0}, "above 0"),
    ],
)
def test_fcd_errors(changes, message):
    values = {"hist": [1, 3], "bin_edges": [-1, 0, 1], "window_s": 60.0, "step_s": 2.0} | changes
    with pytest.raises(InputError, match=message):
        FcdReference(**values)
