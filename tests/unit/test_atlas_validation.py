"""Every way an atlas can be wrong is an InputError that says where and what to do."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from dtbsim.atlas import Atlas
from dtbsim.errors import InputError

N = 3
WEIGHTS = np.array([[0, 1, 2], [3, 0, 4], [5, 6, 0]], dtype=float)
LENGTHS = 10 * WEIGHTS


def changed(matrix, index, value):
    copy = matrix.copy()
    copy[index] = value
    return copy


def make(**changes):
    values = {
        "name": "bad",
        "region_names": ("a", "b", "c"),
        "xyz_mm": np.arange(9).reshape(3, 3),
        "weights": WEIGHTS,
        "lengths_mm": LENGTHS,
    }
    return Atlas(**(values | changes))


def test_the_unchanged_atlas_is_fine():
    assert make().n_connections == 6
    assert make(weights=csr_array(WEIGHTS), lengths_mm=csr_array(LENGTHS)).n_connections == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": WEIGHTS[:2]}, r"weights has shape \(2, 3\); needed \(3, 3\)"),
        ({"weights": WEIGHTS.ravel()}, r"weights has shape \(9\); needed"),
        ({"weights": changed(WEIGHTS, (1, 2), np.nan)}, r"weights\[1, 2\] is nan"),
        ({"weights": changed(WEIGHTS, (1, 2), np.inf)}, r"weights\[1, 2\] is inf"),
        ({"weights": changed(WEIGHTS, (1, 2), -4)}, "weights at target b, source c is -4; .*exp of log"),
        ({"weights": changed(WEIGHTS, (1, 1), 2)}, "region b with itself .2.*set the diagonal to 0"),
        ({"weights": WEIGHTS.astype(str)}, "weights holds .* values; needed real numbers"),
        ({"weights": WEIGHTS + 1j}, "needed real numbers"),
        ({"lengths_mm": LENGTHS[:, :2]}, r"lengths_mm has shape \(3, 2\)"),
        ({"lengths_mm": changed(LENGTHS, (0, 2), np.nan)}, r"lengths_mm\[0, 2\] is nan"),
        ({"lengths_mm": changed(LENGTHS, (0, 2), -1)}, "lengths_mm at target a, source c is -1"),
        ({"lengths_mm": changed(LENGTHS, (2, 0), 0)}, "target c, source a is 0 but the weight there is 5 .1 such"),
        ({"lengths_source": "none"}, "lengths_source is none but lengths_mm are given"),
        ({"lengths_source": "measred"}, "lengths_source is 'measred' .did you mean 'measured'"),
        ({"lengths_mm": None, "lengths_source": "measured"}, "but no lengths_mm are given"),
        ({"xyz_mm": np.zeros((3, 2))}, r"xyz_mm has shape \(3, 2\); needed \(3, 3\)"),
        ({"xyz_mm": np.full((3, 3), np.nan)}, r"xyz_mm\[0, 0\] is nan \(9 such"),
        ({"region_names": ()}, "region_names is empty"),
        ({"region_names": ("a", "b", "a")}, r"duplicate region name 'a' \(regions 0 and 2\)"),
        ({"region_names": ("a 1", "b", "a, 1")}, "'a 1' and 'a, 1' .* both become 'a_1'"),
        ({"region_names": ("a", "", "c")}, r"region_names\[1\]: region name '' has no letter"),
        ({"region_names": ("a", "b", "c", "d")}, r"xyz_mm has shape \(3, 3\); needed \(4, 3\)"),
        ({"hemisphere": ("L", "R")}, "hemisphere has 2 entries for 3 regions"),
        ({"hemisphere": ("L", "R", "left")}, "hemisphere of region c is 'left' .allowed: L, R or empty"),
        ({"is_cortex": [True, False]}, "is_cortex must hold 3"),
        ({"is_cortex": [1, 0, 2]}, "is_cortex must hold 3"),
        ({"maps": {"m": [1, 2]}}, r"maps/m has shape \(2\)"),
        ({"maps": {"m": [1, np.nan, 2]}}, r"maps/m\[1\] is nan"),
        ({"labels": {"net": ("x",)}}, "labels/net has 1 entries for 3 regions"),
        ({"fc": np.eye(2)}, r"fc has shape \(2, 2\)"),
        ({"fc": 2 * np.eye(3)}, "fc reaches 2; .*apply tanh to Fisher-z"),
        ({"fc": changed(np.eye(3), (0, 1), 0.5)}, "fc is not symmetric .differs by up to 0.5"),
        ({"fc": changed(np.eye(3), (0, 1), np.nan)}, r"fc\[0, 1\] is nan"),
        ({"other_fc": {"holdout": np.eye(2)}}, "other_fc/holdout has shape"),
        ({"fc_tr_s": 0.0}, "fc_tr_s is 0.0; needed a time above 0 s"),
        ({"fc_tr_s": np.nan}, "fc_tr_s is nan"),
        ({"fc_leave_one_out": [0.5, np.nan]}, r"fc_leave_one_out\[1\] is nan"),
        ({"lead_field": np.zeros((62, 2))}, r"lead_field has shape \(62, 2\); needed \(any, 3\)"),
        ({"lead_field": np.zeros((2, 3)), "lead_field_channels": ("Cz",)}, "lead_field_channels has 1 entries"),
    ],
)
def test_wrong_atlas(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        make(**changes)
    assert caught.value.where.startswith("atlas bad")
    assert "\n" not in str(caught.value)


def _with_duplicates():
    return csr_array((np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 2, 2, 2])), shape=(N, N))


def _out_of_range():
    matrix = csr_array(WEIGHTS)
    matrix.indices[1] = N
    return matrix


@pytest.mark.parametrize(
    ("weights", "lengths", "message"),
    [
        (_out_of_range(), None, "weights is not a valid sparse matrix: .*indices"),
        (csr_array((2, 2)), None, r"weights has shape \(2, 2\); needed \(3, 3\)"),
        (csr_array(changed(WEIGHTS, (1, 2), -4)), None, "weights at target b, source c is -4"),
        (csr_array(changed(WEIGHTS, (1, 2), np.nan)), None, "weights at target b, source c is nan"),
        (csr_array(changed(WEIGHTS, (1, 2), np.inf)), None, "weights at target b, source c is inf"),
        (csr_array(changed(WEIGHTS, (1, 1), 2)), None, "region b with itself"),
        (_with_duplicates(), None, "stores 1 entries twice"),
        (csr_array(WEIGHTS), csr_array(changed(LENGTHS, (2, 0), 0)), "target c, source a is 0 but the weight"),
        (csr_array(WEIGHTS), csr_array(changed(LENGTHS, (2, 1), 0)), "target c, source b is 0 but the weight"),
        (csr_array(WEIGHTS), csr_array((N, N)), r"target a, source b is 0 but the weight there is 1 \(6 such"),
        (csr_array(WEIGHTS), csr_array(changed(LENGTHS, (2, 0), -3)), "lengths_mm at target c, source a is -3"),
        (csr_array(WEIGHTS), changed(LENGTHS, (2, 0), -3), "lengths_mm at target c, source a is -3"),
        (csr_array(WEIGHTS), changed(LENGTHS, (2, 0), 0), "target c, source a is 0 but"),
        (csr_array(WEIGHTS), csr_array((2, 2)), r"lengths_mm has shape \(2, 2\)"),
    ],
)
def test_wrong_sparse_atlas(weights, lengths, message):
    with pytest.raises(InputError, match=message):
        make(weights=weights, lengths_mm=lengths)


def test_directed_weights_and_isolated_regions_are_allowed():
    atlas = make(weights=np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]]), lengths_mm=None)
    assert atlas.n_connections == 1
    assert atlas.lengths_source == "none"
    assert make(lengths_mm=LENGTHS).lengths_source == "unknown"


def test_one_region_without_connections_is_an_atlas():
    atlas = Atlas(name="one", region_names=("a",), xyz_mm=np.zeros((1, 3)), weights=np.zeros((1, 1)))
    assert atlas.n_connections == 0
    assert atlas.edges().weights.size == 0
