"""A run of regions whose data come from a laboratory's files is repeated from its folder alone, wherever that is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import dtbsim
from dtbsim.config import load_config

N = 5
REGIONS = [f"area{k}_{'L' if k < 3 else 'R'}" for k in range(N)]


def write_people(folder: Path) -> None:
    """Weights, lengths and BOLD of three people, centroids for all."""
    rng = np.random.default_rng(3)
    folder.mkdir()
    rows = [f"{name},{10 * k - 20},{k},{2 * k}" for k, name in enumerate(REGIONS)]
    (folder / "regions.csv").write_text("\n".join(["name,x,y,z", *rows]))
    for person in range(3):
        own = folder / f"sub-{person + 1}"
        own.mkdir()
        weights = rng.uniform(1, 2, (N, N))
        np.savetxt(own / "weights.csv", weights + weights.T, delimiter=",")
        np.savetxt(own / "lengths.csv", np.full((N, N), 80.0 + person), delimiter=",")
        np.savetxt(own / "bold.csv", rng.normal(size=(40, N)), delimiter=",")


def write_config(folder: Path) -> Path:
    """A configuration that names an imported atlas, its people, matrices, values of regions and a lead field."""
    folder.mkdir()
    write_people(folder / "data")
    dtbsim.import_atlas(folder / "data", out=folder / "brain", period_s=0.72)
    rng = np.random.default_rng(4)
    np.save(folder / "matrix.npy", rng.uniform(0, 1, (N, N)))
    np.save(folder / "other.npy", rng.uniform(0, 1, (N, N)))
    (folder / "a.csv").write_text("region,a\n" + "".join(f"{name},{-0.01 * k}\n" for k, name in enumerate(REGIONS)))
    gains = "".join(f"{c},{','.join(f'{k + i:g}' for i in range(N))}\n" for k, c in enumerate(("Fz", "Cz", "Pz")))
    (folder / "gain.csv").write_text(f"channel,{','.join(REGIONS)}\n{gains}")
    config = {
        "seed": 5,
        "atlas": "brain",
        "simulation": {"dt_ms": 1, "duration_ms": 60},
        "populations": {
            "x": {
                "model": "hopf",
                "regions": "all",
                "parameters": {"a": {"regions": "a.csv"}},
                "noise": {"x": {"sigma": 0.1}},
            }
        },
        "couplings": {
            "c": {"source": "x", "target": "x", "strength": 0.02, "delay_ms": {"tract_velocity_m_per_s": 10}},
            "d": {"source": "x", "target": "x", "strength": 0.02, "weights": {"matrix": "matrix.npy"}},
        },
        "ensemble": {
            "members": [
                {"atlas": "brain/subjects/sub-1"},
                {"atlas": "brain/subjects/sub-2", "couplings.d.weights": {"matrix": "other.npy"}},
                {"atlas": "brain/subjects/sub-2", "couplings.d.weights.matrix": "other.npy"},
                {"couplings.c.strength": 0.03},
            ]
        },
        "signals": {"eeg": {"kind": "eeg", "population": "x", "lead_field": "gain.csv"}},
    }
    (folder / "net.yaml").write_text(yaml.safe_dump(config))
    return folder / "net.yaml"


def test_a_run_on_people_is_repeated_when_its_sources_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = write_config(tmp_path / "given")
    result = dtbsim.run(given, out=tmp_path / "run", report=False)
    hash_of_states = result.open().summary["state_hash"]
    kept = load_config(result.run_dir / "config.yaml")
    assert kept.ensemble is not None
    members = kept.ensemble.members or []
    assert members[0]["atlas"].startswith("inputs/members/")
    assert members[1]["atlas"] == members[2]["atlas"]
    shutil.rmtree(given.parent)
    moved = tmp_path / "elsewhere" / "kept"
    moved.parent.mkdir()
    shutil.move(result.run_dir, moved)
    monkeypatch.chdir(moved.parent)
    again = dtbsim.run("kept/config.yaml", out=tmp_path / "again", report=False)
    assert again.open().summary["state_hash"] == hash_of_states
    np.testing.assert_array_equal(again.open().signal("eeg").values, dtbsim.open_run(moved).signal("eeg").values)
