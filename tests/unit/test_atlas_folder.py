"""Atlas folders of users: complete ones, labelled matrices, sparse weights, and everything wrong with a file."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

from dtbsim.atlas import load_atlas
from dtbsim.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """A folder atlas of three regions, written by hand."""
    path = tmp_path / "mine"
    path.mkdir()
    (path / "regions.csv").write_text(
        "name,hemisphere,x_mm,y_mm,z_mm,thickness,network\n"
        '"Area 1, L",L,-10,0,5,2.5,Vis\nB_R,R,10,0,5,3,Default\nStem,,0,0,-20,1,none\n'
    )
    (path / "weights.csv").write_text("0,1,2\n3,0,4\n0,6,0\n")
    (path / "README.txt").write_text("about these data")
    return path


def test_folder(folder):
    (folder / "lengths_mm.tsv").write_text("0\t10\t20\n30\t0\t40\n0\t60\t0\n")
    (folder / "maps.csv").write_text('name,density\n"Area 1, L",5\nB_R,6\nStem,7\n')
    (folder / "fc.txt").write_text("1 .5 .1\n.5 1 .2\n.1 .2 1\n")
    np.save(folder / "fc_second.npy", np.eye(3))
    np.save(folder / "lead_field.npy", np.ones((2, 3)))
    (folder / "atlas.json").write_text(
        json.dumps({"fc_tr_s": 2, "licence": "CC0", "lengths_source": "measured", "lead_field_channels": ["Cz", "Pz"]})
    )
    atlas = load_atlas("mine", base_dir=folder.parent)
    assert atlas.name == "mine"
    assert atlas.display_names == ("Area 1, L", "B_R", "Stem")
    assert atlas.region_names[0] == "Area_1_L"
    assert atlas.hemisphere == ("L", "R", "")
    assert atlas.weights.tolist() == [[0, 1, 2], [3, 0, 4], [0, 6, 0]]
    assert atlas.lengths_mm[1].tolist() == [30, 0, 40]
    assert atlas.lengths_measured
    assert {key: values.tolist() for key, values in atlas.maps.items()} == {
        "thickness": [2.5, 3, 1],
        "density": [5, 6, 7],
    }
    assert atlas.labels == {"network": ("Vis", "Default", "none")}
    assert atlas.fc[0, 1] == 0.5
    assert atlas.fc_tr_s == 2
    assert list(atlas.other_fc) == ["second"]
    assert atlas.lead_field_channels == ("Cz", "Pz")
    assert atlas.licence == "CC0"


def test_folder_with_sparse_weights(folder):
    (folder / "weights.csv").unlink()
    save_npz(folder / "weights.npz", csr_array(np.array([[0, 1, 0], [2, 0, 0], [0, 0, 0]], dtype=float)))
    (folder / "atlas.json").write_text('{"lengths_source": "estimated"}')
    atlas = load_atlas(folder)
    assert atlas.is_sparse
    assert atlas.incoming(1).lengths_mm == pytest.approx([1.172 * 20 + 38.7])


@pytest.mark.parametrize(
    "text",
    [
        ',"Area 1, L",B_R,Stem\n"Area 1, L",0,1,2\nB_R,3,0,4\nStem,0,6,0\n',
        '"Area 1, L",B_R,Stem\n0,1,2\n3,0,4\n0,6,0\n',
        '"Area 1, L",0,1,2\nB_R,3,0,4\nStem,0,6,0\n',
        "\ufeff0,1,2\r\n\r\n3,0,4\r\n0,6,0\r\n",
    ],
)
def test_matrices_may_be_labelled(folder, text):
    (folder / "weights.csv").write_text(text, encoding="utf-8")
    assert load_atlas(folder).weights.tolist() == [[0, 1, 2], [3, 0, 4], [0, 6, 0]]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("regions.csv", None, r"holds no regions.csv or regions.tsv"),
        ("regions.csv", "", r"regions.csv: the file is empty"),
        ("regions.csv", "name,x_mm,y_mm\na,1,2\n", r"regions.csv:1: there is no column 'z_mm'"),
        ("regions.csv", "name,x_mm,y_mm,z_mm\na,1,2\n", r"regions.csv:2: 3 cells where other lines have 4"),
        ("regions.csv", "name,x_mm,y_mm,z_mm\na,1,2,x\n", r"regions.csv:2: column z_mm is 'x'; needed a number"),
        ("regions.csv", "name,x_mm,x_mm,z_mm\na,1,2,3\n", r"regions.csv:1: column 'x_mm' occurs twice"),
        ("regions.csv", "name,,x_mm,z_mm\na,1,2,3\n", r"regions.csv:1: column 2 has no name"),
        ("regions.csv", "name,x_mm,y_mm,z_mm\na,1,2,3\na,1,2,3\nb,1,2,3\n", "duplicate region name 'a'"),
        ("regions.csv", "name,x_mm,y_mm,z_mm\n", "region_names is empty"),
        ("weights.csv", None, "missing weights"),
        ("weights.csv", "0,1,2\n3,x,4\n0,6,0\n", r"weights.csv:2: column 2 is 'x'; needed a number"),
        ("weights.csv", "0,1,2\n3,0\n0,6,0\n", r"weights.csv:2: 2 cells where other lines have 3"),
        ("weights.csv", "0,1\n3,0\n", r"weights has shape \(2, 2\); needed \(3, 3\)"),
        ("weights.csv", "0,nan,2\n3,0,4\n0,6,0\n", r"weights\[0, 1\] is nan"),
        ("weights.csv", "B_R,Stem,A\n0,1,2\n3,0,4\n0,6,0\n", "region 0 is 'B_R' in the first line but 'Area 1, L'"),
        ("weights.csv", "a,b\n0,1\n3,0\n", "the first line names 2 regions; regions lists 3"),
        ("weights.csv", "a,b,c\n", "holds a header but no numbers"),
        ("weights.tsv", "0\t1\t2\n", "both weights.csv and weights.tsv are there"),
        ("wieghts.csv", "0\n", r"unknown file 'wieghts.csv' \(did you mean 'weights.csv'"),
        ("lengths.csv", "0\n", r"unknown file 'lengths.csv' \(did you mean 'lengths_mm.csv'"),
        ("fc.npz", "0\n", r"unknown file 'fc.npz' \(did you mean 'fc.npy'"),
        ("weights.npy", None, "regions.csv"),
        ("maps.csv", "name,m\nB_R,1\nStem,2\nx,3\n", "column name differs from regions at region 0"),
        ("maps.csv", 'name,m\n"Area 1, L",1\n', "column name differs from regions at region 3"),
        ("maps.csv", "m\n1\nx\n3\n", r"maps.csv:3: column m is 'x'; needed a number"),
        ("maps.csv", "m\n1\n2\n", r"maps/m has shape \(2\)"),
        ("atlas.json", "{", r"atlas.json:1: is not valid JSON"),
        ("atlas.json", "[]", "needed an object"),
        ("atlas.json", '{"fc_tr": 2}', "unknown key 'fc_tr' .did you mean 'fc_tr_s'"),
        ("atlas.json", '{"fc_tr_s": "two"}', "fc_tr_s must be one number"),
        ("atlas.json", '{"licence": 3}', "licence must be one text"),
        ("atlas.json", '{"format_version": 7}', "format_version is 7"),
        ("lengths_mm.csv", "0,1,0\n1,0,1\n0,1,0\n", "target Area_1_L, source Stem is 0 but the weight there is 2"),
    ],
)
def test_wrong_folder(folder, name, text, message):
    if name == "weights.npy":
        (folder / "regions.csv").unlink()
    elif text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_atlas(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["weights.npy", "weights.npz"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00", b"PK\x03\x04 cut"])
def test_damaged_matrix_files(folder, name, content):
    (folder / "weights.csv").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: (cannot be read|is not an .npz archive)"):
        load_atlas(folder)


def test_text_that_is_not_utf8(folder):
    (folder / "weights.csv").write_bytes(b"0,1,2\n\xff\xfe,0,4\n0,6,0\n")
    with pytest.raises(InputError, match=r"weights.csv: cannot be read: .*save it as UTF-8"):
        load_atlas(folder)


def test_an_empty_folder_says_what_it_needs(tmp_path):
    with pytest.raises(InputError, match=r"needs regions.csv \(name; x_mm, y_mm, z_mm if known\) and weights"):
        load_atlas(tmp_path)
