"""The bundled atlases: complete, consistent, licensed, and the numbers published about them."""

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from dtbsim.atlas import DEFAULT, atlas_summary, list_atlases, load_atlas, load_local_circuits
from dtbsim.atlas.load import DATA
from dtbsim.errors import InputError

SIZES = {
    "aal2": (80, 80),
    "aal2_sub": (94, 80),
    "dk68": (68, 68),
    "dk68_sub": (82, 68),
    "schaefer100": (100, 100),
    "schaefer100_sub": (114, 100),
    "schaefer200": (200, 200),
    "schaefer200_sub": (214, 200),
    "schaefer400": (400, 400),
    "schaefer400_sub": (414, 400),
}
LENGTHS = {"aal2": "measured", "aal2_sub": "measured", "schaefer200": "measured", "schaefer100": "resampled"}
DOCS = Path(__file__).parents[2] / "docs" / "atlas_format.md"


def upper(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1])


def test_list_has_the_default_first():
    names = list_atlases()
    assert names[0] == DEFAULT == "aal2"
    assert set(names) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_bundled_atlas(name):
    atlas = load_atlas(name)
    n, cortical = SIZES[name]
    assert atlas.name == name
    assert (atlas.n_regions, int(atlas.is_cortex.sum())) == (n, cortical)
    assert atlas.weights.shape == atlas.fc.shape == (n, n)
    assert atlas.hemisphere.count("L") == atlas.hemisphere.count("R") == n // 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", region) for region in atlas.region_names)
    assert atlas.display_names == atlas.region_names
    assert atlas.fc_tr_s == 0.72
    np.testing.assert_allclose(np.diag(atlas.fc), 1, atol=1e-6)
    assert (atlas.lengths_mm[atlas.weights > 0] > 5).all()
    assert atlas.lengths_measured == (name in LENGTHS or name == "dk68")
    if name in LENGTHS:
        assert atlas.lengths_source == LENGTHS[name]
    sides = np.sign(atlas.xyz_mm[:, 0])
    assert (sides[atlas.select("left")] < 0).all()
    assert (sides[atlas.select("right")] > 0).all()


@pytest.mark.parametrize("name", SIZES)
def test_bundled_atlas_states_licence_and_acknowledgement(name):
    atlas = load_atlas(name)
    assert "WU-Minn HCP Open Access Data Use Terms" in atlas.licence
    assert atlas.acknowledgement.startswith("Data were provided [in part] by the Human Connectome Project")
    assert atlas.citation
    assert atlas.description
    json.dumps(atlas_summary(atlas))


def test_data_folder_carries_its_licences():
    licence, notice = ((DATA / name).read_text() for name in ("LICENSE", "NOTICE"))
    for name in list_atlases():
        assert name in licence
        assert name in notice
    texts = sorted(path.name for path in (DATA / "licenses").iterdir())
    assert len(texts) == 6
    for text in texts:
        assert text in licence
    terms = (DATA / "licenses" / "HCP-Open-Access-Data-Use-Terms.txt").read_text()
    wording = re.search(r'"(Data were provided.*?)"', terms).group(1)
    assert load_atlas("aal2").acknowledgement == wording
    assert wording in " ".join(licence.split())
    assert wording in " ".join(notice.split())


def test_data_folder_stays_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 4e6


def test_structure_function_baselines_of_aal2():
    atlas = load_atlas("aal2")
    fc = upper(atlas.fc)
    assert correlation(upper(atlas.weights), fc) == pytest.approx(0.342, abs=0.001)
    assert correlation(np.log(upper(atlas.weights)), fc) == pytest.approx(0.456, abs=0.001)
    assert np.abs(fc).mean() == pytest.approx(0.350, abs=0.001)
    assert (atlas.fc_leave_one_out.min(), atlas.fc_leave_one_out.max()) == pytest.approx((0.779, 0.880), abs=0.001)


def test_fcd_reference_of_aal2():
    fcd = load_atlas("aal2").fcd
    assert fcd.hist.shape == (200,)
    assert fcd.hist.sum() == pytest.approx(1)
    assert (fcd.bin_edges[0], fcd.bin_edges[-1]) == (-1, 1)
    assert (fcd.window_s, fcd.step_s) == pytest.approx((59.76, 2.16))
    assert fcd.single_scan_ks.size == 7
    assert (fcd.single_scan_ks.min(), fcd.single_scan_ks.max()) == pytest.approx((0.106, 0.312), abs=0.001)


def test_indegrees_of_aal2_with_a_largest_of_100():
    """In-degrees round(100 sum_j w_ij / max) span 4 to 100 with median 41."""
    strength = load_atlas("aal2").in_strength()
    indegrees = np.rint(100 * strength / strength.max())
    assert (indegrees.min(), np.median(indegrees), indegrees.max()) == (4, 41, 100)


def test_cortex_of_aal2_sub_is_aal2():
    whole, cortex = load_atlas("aal2_sub"), load_atlas("aal2")
    part = whole.subset(whole.is_cortex)
    assert part.region_names == cortex.region_names
    for key in ("weights", "lengths_mm", "xyz_mm", "fc"):
        np.testing.assert_array_equal(getattr(part, key), getattr(cortex, key))


def test_cortex_of_schaefer400_sub_is_schaefer400():
    whole, cortex = load_atlas("schaefer400_sub"), load_atlas("schaefer400")
    part = whole.subset(whole.is_cortex)
    assert part.region_names == cortex.region_names
    np.testing.assert_array_equal(part.weights, cortex.weights)
    np.testing.assert_array_equal(part.lengths_mm, cortex.lengths_mm)


@pytest.mark.parametrize("name", ["schaefer100", "schaefer200", "schaefer400"])
def test_group_fcs_agree_across_groups_and_toolboxes(name):
    atlas, whole = load_atlas(name), load_atlas(f"{name}_sub")
    main = upper(atlas.fc)
    assert correlation(main, upper(atlas.empirical_fc("holdout"))) > 0.99
    assert correlation(main, upper(whole.subset(whole.is_cortex).fc)) > 0.98


def test_lead_field_and_maps():
    atlas = load_atlas("aal2")
    assert atlas.lead_field.shape == (62, 80)
    assert {"t1wt2w", "thickness_mm", "area_mm2", "normal_x"} <= set(atlas.maps)
    normals = np.array([atlas.map(f"normal_{axis}") for axis in "xyz"])
    assert (np.linalg.norm(normals, axis=0) <= 1 + 1e-6).all()
    assert set(atlas.labels["yeo7"]) == {"Vis", "SomMot", "DorsAttn", "SalVentAttn", "Limbic", "Cont", "Default"}
    assert load_atlas("schaefer400").lead_field is None


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match=r"unknown atlas 'aal3' \(did you mean 'aal2'\?"):
        load_atlas("aal3")
    with pytest.raises(InputError, match="did you mean 'schaefer200'"):
        load_atlas("Schafer200")


def test_summary_of_aal2():
    summary = atlas_summary(load_atlas("aal2"))
    assert (summary["n_regions"], summary["n_left"], summary["n_right"], summary["n_connections"]) == (80, 40, 40, 6320)
    assert summary["density"] == 1
    assert summary["symmetric"] is True
    assert summary["weights"]["largest"] == pytest.approx(1)
    assert summary["lengths_mm"]["source"] == "measured"
    assert summary["lengths_mm"]["median"] == pytest.approx(137.3, abs=0.1)
    assert summary["fc"]["subjects_leave_one_out"] == pytest.approx(
        [0.8799, 0.8124, 0.8386, 0.7903, 0.8548, 0.7792, 0.8043], abs=1e-4
    )
    assert summary["fcd"]["scans"] == 7
    assert summary["lead_field"]["channels"] == 62


def test_atlases_survive_pickling():
    atlas = load_atlas("aal2")
    copy = pickle.loads(pickle.dumps(atlas))
    np.testing.assert_array_equal(copy.weights, atlas.weights)
    assert copy.index("Precentral_R") == 1


def test_local_circuits_cite_their_sources():
    circuits = load_local_circuits()
    assert sum(circuits["potjans_diesmann_2014"]["N"]) == 77169
    assert all("cite" in circuit or "note" in circuit for circuit in circuits.values())
    assert all("verified" in circuit for circuit in circuits.values())


def test_documented_sizes_are_those_of_the_files():
    line = {row.split("|")[1].strip(): row for row in DOCS.read_text().splitlines() if row.startswith("| `")}
    for name in ("aal2_sub", "schaefer100", "schaefer200", "schaefer400", "dk68"):
        stated = float(line[f"`{name}`"].split("|")[-2])
        assert stated == pytest.approx((DATA / f"{name}.npz").stat().st_size / 1000, abs=1)
