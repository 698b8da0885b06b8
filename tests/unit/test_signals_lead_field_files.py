"""A lead field from a file, in any order of regions, makes the signal that the same numbers make otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import load_lead_field, load_meg_field
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.signals.eeg import EEG
from dtbsim.signals.meg import MEG
from dtbsim.spec import compile_network

TWO = ["Precentral_L", "Precentral_R"]
CONFIG = """\
atlas: aal2
simulation: {dt_ms: 1, duration_ms: 20}
populations: {x: {model: hopf, regions: [Precentral_L, Precentral_R]}}
"""


def matrix(kind: Any, options: str, base: Path) -> Any:
    """What the plan of a signal multiplies sources with."""
    signals = f"signals: {{s: {{kind: {kind.name}, population: x, {options}}}}}\n"
    network = compile_network(load_config_text(CONFIG + signals), base_dir=base)
    return kind.plan("s", network.signals[0].options, network)


@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_a_file_gives_the_same_signal(tmp_path: Path, suffix: str) -> None:
    field = load_lead_field(load_atlas("aal2"), "bem")
    turned = field.of(TWO[::-1])
    if suffix == "npz":
        np.savez(tmp_path / "g.npz", lead_field=turned, channels=np.array(field.channels),
                 regions=np.array(["rh.Precentral", "Precentral_L"]), unit=np.array("V/(A m)"))  # fmt: skip
        options = "lead_field: g.npz"
    else:
        rows = [",".join([name, *map(repr, row)]) for name, row in zip(field.channels, turned.tolist(), strict=True)]
        (tmp_path / "g.csv").write_text("\n".join(["channel,Precentral_R,Precentral_L", *rows]))
        options = "lead_field: g.csv, lead_field_unit: V/(A m)"
    found, wanted = matrix(EEG, options, tmp_path), matrix(EEG, "lead_field: bem", tmp_path)
    np.testing.assert_array_equal(found.matrix, wanted.matrix)
    assert (found.grid.channels, found.grid.unit) == (wanted.grid.channels, wanted.grid.unit)


def test_sensors_of_ones_own_make_meg(tmp_path: Path) -> None:
    field = load_meg_field(load_atlas("aal2"), "ctf275")
    np.savez(tmp_path / "g.npz", lead_field=field.values, channels=np.array(field.channels),
             regions=np.array(field.regions), unit=np.array("T/(A m)"))  # fmt: skip
    found, wanted = matrix(MEG, "lead_field: g.npz", tmp_path), matrix(MEG, "sensors: ctf275", tmp_path)
    np.testing.assert_array_equal(found.matrix, wanted.matrix)
    assert (found.grid.unit, found.grid.channels) == (wanted.grid.unit, wanted.grid.channels)
    np.savez(tmp_path / "h.npz", lead_field=field.values)
    assert matrix(MEG, "lead_field: h.npz", tmp_path).grid.unit == "lead field nA m"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("channel,Precentral_L,Elsewhere\nCz,1,2\n", "1 of 2 regions are not among its 80 labels: 'Elsewhere'"),
        ("channel,Precentral_L\nCz,1\n", "the lead field has no column of region Precentral_R"),
        ("channel,Precentral_L,Precentral_R\nCz,1,\n", r"g\.csv: row 1, column 2 is no number"),
        ("channel,Precentral_L,Precentral_R\nCz,1,2\nCz,2,3\n", "the label 'Cz' is there twice"),
        ("1,2,3\n4,5,6\n", "3 regions, without labels; 80 are needed"),
        (None, "g.csv: there is no such file"),
    ],
)
def test_a_lead_field_of_another_atlas(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "g.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        matrix(EEG, "lead_field: g.csv", tmp_path)
