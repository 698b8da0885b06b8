from __future__ import annotations

import pytest

from dtbsim.units import UNITS, key_advice, split_unit


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("dt_ms", "dt", "ms"),
        ("weight_mS", "weight", "mS"),
        ("tract_velocity_m_per_s", "tract_velocity", "m_per_s"),
        ("kappa_per_s", "kappa", "per_s"),
        ("tau_sec", "tau", "s"),
        ("rate_kHz", "rate", "khz"),
    ],
)
def test_split(name: str, stem: str, suffix: str) -> None:
    assert [(found, unit.suffix) for found, unit in split_unit(name)] == [(stem, suffix)]


@pytest.mark.parametrize("name", ["weight", "V0", "nmda_fraction", "ms", "_ms_x"])
def test_no_unit(name: str) -> None:
    assert list(split_unit(name)) == []


def test_capital_letters_can_mean_two_units() -> None:
    assert [unit.suffix for _, unit in split_unit("x_MS")] == ["ms", "mS"]


def test_suffixes_are_unique() -> None:
    assert len({unit.suffix for unit in UNITS}) == len(UNITS)


@pytest.mark.parametrize(
    ("given", "allowed", "value", "advice"),
    [
        ("tau_s", ["tau_ms"], 0.02, "this key takes milliseconds: tau_ms (0.02 s = 20 ms)"),
        ("tau_min", ["tau_ms"], 2, "this key takes milliseconds: tau_ms (2 min = 120000 ms)"),
        ("tau_s", ["tau_ms"], True, "this key takes milliseconds: tau_ms"),
        ("tau_s", ["tau_ms"], {"mean": 1}, "this key takes milliseconds: tau_ms"),
        ("C_m_nF", ["C_m_pF", "V_m_mV"], 0.25, "this key takes picofarads: C_m_pF (0.25 nF = 250 pF)"),
        ("phase_rad", ["phase_deg"], 3.141592653589793, "this key takes degrees: phase_deg (3.14159 rad = 180 deg)"),
        ("V_pA", ["V_mV"], 3, "this key takes millivolts: V_mV"),
        ("tau", ["tau_ms", "tau_pA"], 3, "the unit belongs in the name: tau_ms (milliseconds), tau_pA (picoamperes)"),
        ("taum_ms", ["tau_m_ms", "size"], 3, "did you mean 'tau_m_ms'? allowed: size, tau_m_ms"),
        ("zzz", ["size"], 3, "allowed: size"),
    ],
)
def test_advice(given: str, allowed: list[str], value: object, advice: str) -> None:
    assert key_advice(given, allowed, value) == advice
