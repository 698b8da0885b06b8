"""What is wrong with numbers from anywhere is said in one line: where, what, and what is allowed."""

# ruff: noqa: E501

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import assert_for_people

from dtbsim.errors import InputError

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 20}
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: 4, regions: all}
  N: {model: iaf_psc_exp, size: 3}
projections:
  P: {source: E, target: E, scope: all, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 20, delay_ms: 1}
drives:
  d: {kind: poisson, target: E, rate_hz: 100, weight_pA: 20}
  n: {kind: noise_current, target: E, std: 1}
"""
E, N, P = "populations.E.parameters", "populations.N.parameters", "projections.P"
Z = [[1, 1, 1, 1, 1]] * 5


def rows(value: object) -> str:
    """A matrix of ones but for one entry."""
    return str([[1, 1, 1, 1, 1]] * 4 + [[1, 1, 1, 1, value]]).replace("'", "")


ERRORS = [
    (f"{E}.C_m_pF", "{map: nothing}", f"{E}.C_m_pF: atlas 'small' has no map 'nothing'"),
    (f"{E}.C_m_pF", "{map: gradient, low: 3}", f"{E}.C_m_pF: give low and high"),
    (f"{E}.C_m_pF", "{regions: {A_L: 1, X: 2}}", f"{E}.C_m_pF.regions: atlas 'small' has no region 'X'"),
    (f"{E}.C_m_pF", "{regions: {A_L: 1}}", f"{E}.C_m_pF: no number for region B_L (name it, or give a `default`)"),
    (f"{E}.C_m_pF", "{regions: {A_L: .nan}}", f"{E}.C_m_pF.regions.A_L: got .nan"),
    (f"{E}.C_m_pF", "{regions: {A_L: 1}, column: x}", f"{E}.C_m_pF: column belongs to a table"),
    (f"{E}.C_m_pF", "{regions: none.csv}", f"{E}.C_m_pF.regions: there is no file "),
    (f"{E}.C_m_pF", "{regions: two.csv}", "two.csv: has 2 columns: 'a', 'b' (say which: column: NAME)"),
    (f"{E}.C_m_pF", "{regions: two.csv, column: c}", "two.csv: has no column 'c'"),
    (f"{E}.C_m_pF", "{regions: two.csv, column: b}", f"{E}.C_m_pF.regions: number 1 (from 0) is nan"),
    (f"{E}.C_m_pF", "{regions: twice.csv}", f"{E}.C_m_pF.regions: region 'A_L' is there twice"),
    (f"{E}.C_m_pF", "{regions: word.csv}", "word.csv: column 'v' holds 'many', not a number"),
    (f"{E}.C_m_pF", "{regions: ragged.csv}", "ragged.csv: line 3: 1 values for 2 columns"),
    (f"{E}.C_m_pF", "{map: gradient, spread: 3}", f"{E}.C_m_pF.spread: got 3"),
    (f"{E}.C_m_pF", "{map: gradient, relative_spread: {distribution: normal, mean: 1, sd: 1}}", f"{E}"),
    (
        f"{E}.C_m_pF", "{map: gradient, spread: {distribution: constant, value: 1}, relative_spread: "
        "{distribution: constant, value: 1}}", f"{E}.C_m_pF: give relative_spread, a factor, or spread",
    ),
    (f"{E}.C_m_pF", "{matrix: [[1]]}", f"{E}.C_m_pF: a matrix is not possible here"),
    (f"{N}.C_m_pF", "{map: gradient}", f"{N}.C_m_pF: a map of the atlas needs a population in regions"),
    (f"{N}.C_m_pF", "{regions: {}, default: 2}", f"{N}.C_m_pF: a number by region needs a population in regions"),
    (f"{N}.C_m_pF", "[1, 2]", f"{N}.C_m_pF: 2 numbers for 3 neurons"),
    (f"{E}.C_m_pF", "[1, 2]", f"{E}.C_m_pF: 2 numbers for 4 neurons, or 20 for those of all regions"),
    (f"{N}.C_m_pF", "[]", f"{N}.C_m_pF: got []"),
    (f"{N}.C_m_pF", "[1, .inf, 3]", f"{N}.C_m_pF.1: got .inf"),
    (f"{N}.C_m_pF", "[200, -1, 200]", f"{N}: "),
    (f"{N}.C_m_pF", "[1e39, 1, 1]", "is too large; allowed: up to"),
    (f"{N}.C_m_pF", "{file: none.npy}", f"{N}.C_m_pF.file: there is no file "),
    (f"{N}.C_m_pF", "{file: nan.npy}", f"{N}.C_m_pF: number 1 (from 0) is nan (numbers must be finite)"),
    (f"{N}.C_m_pF", "{file: text.npy}", "text.npy: holds <U1, not numbers (save it as float64)"),
    (f"{N}.C_m_pF", "{file: flags.npy}", "flags.npy: holds bool, not numbers"),
    (f"{N}.C_m_pF", "{file: square.npy}", "square.npy: has the shape (5, 5), not a list of numbers"),
    (f"{N}.C_m_pF", "{file: empty.npy}", f"{N}.C_m_pF: there are no numbers"),
    (f"{N}.C_m_pF", "{file: huge.npy}", f"{N}.C_m_pF: 1e+300 is too large"),
    (f"{N}.C_m_pF", "{file: nan.npy, column: x}", "an .npy has one array, without a name ('x' was given)"),
    (f"{N}.C_m_pF", "{file: several.npz}", "several.npz: has 2 arrays: 'a', 'b' (say which: array: NAME)"),
    (f"{N}.C_m_pF", "{file: several.npz, column: c}", "its arrays are 'a', 'b'"),
    (f"{N}.C_m_pF", "{file: broken.npz}", "broken.npz: is not an .npz archive"),
    (f"{N}.C_m_pF", "{file: claims.npy}", "claims.npy: the array is said to have"),
    (f"{N}.C_m_pF", "{file: pipe.npy}", "pipe.npy: a named pipe, not a file"),
    (f"{N}.C_m_pF", "{file: .}", "populations.N.parameters.C_m_pF.file: "),
    (f"{N}.C_m_pF", "{file: numbers.txt}", "numbers.txt: is neither .npy, .npz nor .csv"),
    ("populations.E.size", "{map: gradient, low: 0, high: 9}", "populations.E.size: 0 neurons in region A_L"),
    ("populations.N.size", "{map: gradient}", "populations.N.size: a map of the atlas needs a population in regions"),
    ("populations.E.size", "{distribution: normal, mean: 9, sd: 1}", "populations.E.size: "),
    (f"{P}.rule.indegree", "{matrix: [[1, 2], [3, 4]]}", "rule.indegree.matrix: the matrix is 2 x 2; the atlas has 5 x 5"),
    (f"{P}.rule.indegree", "{matrix: [[1, 2], [3]]}", "rule.indegree.matrix: rows of 1 and of 2 numbers"),
    (f"{P}.rule.indegree", f"{{matrix: {rows(-1)}}}", f"{P}.rule.indegree: an in-degree of -1 (allowed: 0 to"),
    (f"{P}.rule.indegree", f"{{matrix: {rows('.nan')}}}", f"{P}.rule.indegree.matrix.4.4: got .nan"),
    (f"{P}.rule.indegree", f"{{matrix: {rows(5e9)}}}", f"{P}.rule.indegree: an in-degree of 5e+09"),
    (f"{P}.rule.indegree", "{matrix: nan.csv}", f"{P}.rule.indegree.matrix: number [1, 0] (from 0) is nan"),
    (f"{P}.rule.indegree", "{matrix: part.csv}", f"{P}.rule.indegree.matrix: the matrix does not have region B_L"),
    (f"{P}.rule.indegree", "{matrix: square.npy, array: x}", "an .npy has one array"),
    (f"{P}.rule.indegree", f"{{matrix: {Z}, array: x}}", f"{P}.rule.indegree: array belongs to an archive"),
    (f"{P}.rule.indegree", f"{{matrix: {Z}, spread: {{distribution: uniform, low: 0, high: 1}}}}", "have no spread"),
    (f"{P}.rule.indegree", "{distribution: normal, mean: 5, sd: 5}", "an in-degree of -18"),
    (f"{P}.rule.indegree", "[1, 2, 3]", f"{P}.rule.indegree: 3 numbers for 4 neurons, or 20"),
    (f"{P}.rule.indegree", "[1, -2, 3, 4]", f"{P}.rule.indegree.1: got -2"),
    (f"{P}.rule", f"{{kind: pairwise_bernoulli, probability: {{matrix: {rows(1.5)}}}}}", "a probability of 1.5 (allowed: 0 to 1)"),
    (f"{P}.rule", f"{{kind: fixed_total_number, total: {[1, 2]}}}", f"{P}.rule.total: got [1, 2]"),
    (f"{P}.weight_pA", f"{{matrix: {rows(-1)}}}", f"{P}.weight_pA: weights from -1 to 1 have both signs"),
    (f"{P}.weight_pA", "{file: square.npy}", f"{P}.weight_pA: a number for each neuron is not possible here"),
    (f"{P}.weight_pA", f"{{matrix: {Z}, spread: {{distribution: uniform, low: 0, high: 1}}}}", "give relative_spread"),
    (f"{P}.delay_ms", f"{{matrix: {rows(0)}}}", f"{P}.delay_ms: delays down to 0 ms are shorter than one step"),
    (f"{P}.delay_ms", f"{{matrix: {rows(5000)}}}", f"{P}.delay_ms: delays up to 5000 ms are beyond the maximum"),
    (
        f"{P}.delay_ms", f"{{matrix: {rows(400)}, relative_spread: {{distribution: normal, mean: 1, sd: 0.5}}}}",
        f"{P}.delay_ms: delays up to 13",
    ),
    (
        f"{P}.delay_ms", f"{{matrix: {Z}, spread: {{distribution: uniform, low: -3, high: -2}}}}",
        f"{P}.delay_ms.spread: around 1 ms it gives no delay of 0.1 ms or more",
    ),
    (f"{P}.synapse", "{kind: tsodyks_markram, U: {map: gradient}, tau_rec_ms: 100}", "it is one number here"),
    ("drives.d.rate_hz", "{map: gradient, low: -5, high: 5}", "drives.d.rate_hz.low: a rate of -5 Hz"),
    ("drives.d.rate_hz", "{regions: {A_L: -5}, default: 1}", "events per step; allowed: 0 to"),
    ("drives.d.weight_pA", "{regions: {A_L: -5}, default: 1}", "drives.d.weight_pA: weights from -5 to 1 have both signs"),
    ("drives.d.weight_pA", "{distribution: normal, mean: 1, sd: 1}", "drives.d.weight_pA: "),
    ("drives.n.std", "{regions: {C_R: -2}, default: 1}", "drives.n.std: it is -2 in region C_R (allowed: a number at least 0)"),
    ("drives.n.mean", "[1, 2]", "drives.n.mean: got [1, 2]"),
    (
        "drives.n.mean", "{map: gradient, spread: {distribution: uniform, low: 0, high: 1}}",
        "drives.n.mean: this is one number for all neurons of a region",
    ),
    (
        "controllers", "{h: {kind: homeostatic_tonic, population: E, target_rate_hz: {regions: {A_L: 0}, default: 3}, "
        "interval_ms: 10, stages: [{start_ms: 0, eta: 1}]}}",
        "controllers.h.target_rate_hz: it is 0 in region A_L (allowed: a number above 0)",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    save_small_atlas(folder)
    arrays = {
        "nan": np.array([1, np.nan, 2]), "text": np.array(["a", "b", "c"]), "square": np.ones((5, 5)),
        "flags": np.array([True, False, True]), "empty": np.zeros(0), "huge": np.array([1e300, 1, 1]),
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    np.savez(folder / "several.npz", a=np.ones(3), b=np.ones(3))
    (folder / "broken.npz").write_bytes(b"PK" + bytes(100))
    whole = (folder / "huge.npy").read_bytes()
    (folder / "claims.npy").write_bytes(whole.replace(b"(3,)", b"(9,)"))
    os.mkfifo(folder / "pipe.npy")
    tables = {
        "two.csv": "region,a,b\nA_L,1,2\nB_L,1,nan\n",
        "twice.csv": "region,v\nA_L,1\nA_L,1\n",
        "word.csv": "region,v\nA_L,many\n",
        "ragged.csv": "region,v\nA_L,1\nB_L\n",
        "nan.csv": ",A_L\nA_L,1\nB_L,nan\n",
        "part.csv": ",A_L\nA_L,1\n",
        "numbers.txt": "1 2 3\n",
    }
    for name, text in tables.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(("key", "value", "message"), ERRORS)
def test_an_error(folder: Path, key: str, value: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        network_of(TEXT, f"{key}={value}", base_dir=folder)
    assert message in str(caught.value), str(caught.value)
    assert_for_people(caught.value)


def test_a_source_by_region_needs_an_atlas() -> None:
    text = TEXT.replace("atlas: small.npz\n", "").replace(", regions: all", "")
    for key, value, what in [
        (f"{N}.C_m_pF", "{map: m}", "a map"),
        (f"{N}.C_m_pF", "{regions: {}, default: 1}", "a number by region"),
        (f"{P}.delay_ms", "{matrix: [[1]]}", "a number by region"),
        ("drives.n.mean", "{map: m}", "a map"),
    ]:
        with pytest.raises(InputError, match="needs an atlas") as caught:
            network_of(text, f"{key}={value}")
        assert f"{key}: {what} needs an atlas" in str(caught.value)


def test_a_matrix_needs_populations_in_regions(folder: Path) -> None:
    change = "projections.P={source: N, target: E, rule: all_to_all, weight_pA: {matrix: [[1]]}, delay_ms: 1}"
    with pytest.raises(InputError, match="a matrix of regions needs populations in regions"):
        network_of(TEXT, change, base_dir=folder)


def test_numbers_of_pairs_and_of_the_connectome_are_not_mixed(folder: Path) -> None:
    given = f"{P}.rule.indegree={{matrix: {Z}}}"
    with pytest.raises(InputError, match="scope: connectome takes its numbers from the atlas"):
        network_of(TEXT, given, f"{P}.scope=connectome", base_dir=folder)
