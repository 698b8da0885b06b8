"""Assimilation of BOLD by networks of neurons: members are copies, a parameter is the mean of a region's neurons."""

from __future__ import annotations

import numpy as np
import pytest

import dtbsim
from dtbsim.assimilation.spiking import SpikingMembers
from dtbsim.errors import InputError
from dtbsim.given import resolve
from dtbsim.mpi.comm import SerialComm

REGIONS = ["Precentral_L", "Precentral_R"]
KEY = "populations.E.parameters.I_e_pA"
CURRENTS = {"Precentral_L": 390.0, "Precentral_R": 480.0}
FREE = {KEY: (370.0, 520.0)}


def brain(current):
    spread = {"distribution": "uniform", "low": -65, "high": -55}
    return {
        "name": "spiking",
        "atlas": "aal2",
        "seed": 5,
        "simulation": {"dt_ms": 0.5, "duration_ms": 500, "threads": 1},
        "populations": {
            "E": {"model": "iaf_psc_exp", "size": 20, "regions": REGIONS, "initial": {"V_m_mV": spread},
                  "parameters": {"I_e_pA": current}},
        },
        "drives": {"noise": {"kind": "poisson", "target": "E", "receptor": "ex", "rate_hz": 2000, "weight_pA": 20}},
        "bold": {"population": "E", "tr_ms": 500},
    }  # fmt: skip


def planted(volumes):
    config = brain({"regions": CURRENTS})
    config["simulation"]["duration_ms"] = 500 * (volumes + 40)
    return np.asarray(dtbsim.run(config, temporary=True, set={"seed": 99}).open().bold(), np.float64)[-volumes:]


def follow(out, bold, **options):
    quick = {"members": 6, "settle_s": 5.0, "match_s": 1.0, "units": "model", "walk": 0.05, "report": False}
    quick |= {"scheme": "own", "noise": 0.3}
    return dtbsim.assimilate(brain(420.0), bold, tr_s=0.5, out=out, free=FREE, **{**quick, **options})


def test_finds_a_planted_current(tmp_path):
    found = follow(tmp_path / "out", planted(24), hold_out_s=0, members=4)
    estimate = found.parameters[KEY]
    for region, current in CURRENTS.items():
        assert estimate[region] == pytest.approx(current, abs=25)
    assert found.arrays["states"].shape == (24, 2, 4)


@pytest.mark.nightly
def test_forecasts_what_was_held_out(tmp_path):
    """Members branch off where forecasts begin, and come back. Six are too few to correct what BOLD follows from."""
    found = follow(tmp_path / "out", planted(60), members=12)
    assert found.arrays["free"].shape == (15, 12, 2)
    assert found.summary["one_step"]["assimilation"]["rmse"][0] < found.summary["one_step"]["mean"]["rmse"][0]


def test_members_keep_their_differences_and_go_back(tmp_path):
    config, base, _ = resolve(brain({"distribution": "normal", "mean": 420, "sd": 10}))
    members = SpikingMembers(config, base, 2, 500.0, [KEY], SerialComm())
    try:
        run = members._runs[0]
        before = run.get("E", "I_e_pA")
        members.set_parameter(KEY, np.array([[400.0, 450.0], [410.0, 460.0]]))
        after = run.get("E", "I_e_pA")
        assert after[:20].mean() == pytest.approx(400.0)
        np.testing.assert_allclose(after[20:] - after[20:].mean(), before[20:] - before[20:].mean(), atol=1e-3)
        first = members.advance()
        assert first.shape == (25, 2, 2)
        assert not np.array_equal(first[:, 0], first[:, 1])
        moment = members.save()
        second = members.advance()
        members.load(moment)
        assert np.array_equal(members.advance(), second)
    finally:
        members.close()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("populations.F.parameters.I_e_pA", "no population 'F'"),
        ("populations.E.parameters.I_pA", "keeps no 'I_pA'"),
        ("drives.noise.rate_hz", "populations.NAME.parameters.NAME"),
    ],
)
def test_what_cannot_be_free(key, words, tmp_path):
    with pytest.raises(InputError, match=words):
        dtbsim.assimilate(brain(420.0), np.random.default_rng(1).normal(size=(80, 2)), tr_s=0.5, out=tmp_path / "out",
                          free={key: (1.0, 2.0)}, members=4)  # fmt: skip
    assert not (tmp_path / "out").exists()
