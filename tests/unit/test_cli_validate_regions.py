"""`dtbsim validate` and `dtbsim estimate` of networks with mean-field regions."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtbsim.cli.entry import run_command_line

REGIONS = """
atlas: aal2
simulation: {dt_ms: 0.5, duration_ms: 100}
populations:
  cortex: {model: hopf, regions: {all_but: [Insula_L]}}
couplings:
  far: {source: cortex, target: cortex, strength: 0.1}
"""
NEURONS = "  cells: {model: iaf_psc_exp, size: 10, regions: [Insula_L]}\n"


def told(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, *command: str) -> tuple[int, str, str]:
    """Return the exit code, and what a command on a configuration says."""
    file = tmp_path / "net.yaml"
    file.write_text(text)
    code = run_command_line([command[0], str(file), *command[1:]])
    out, err = capfd.readouterr()
    return code, out, err


def test_regions_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(tmp_path, capfd, REGIONS, "validate")
    assert code == 0
    assert "79 of the atlas aal2: cortex (hopf, 79)" in out
    assert "200 steps of 0.5 ms" in out


def test_regions_alone_are_estimated(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in (("estimate", "--ranks", "2"), ("validate", "--ranks", "2")):
        code, out, err = told(tmp_path, capfd, REGIONS, *command)
        assert (code, err) == (0, "")
        assert "79" in out


def test_regions_beside_neurons(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = REGIONS.replace("couplings:", NEURONS + "couplings:")
    code, out, _ = told(tmp_path, capfd, text, "validate")
    assert code == 0
    assert "cortex (hopf, 79)" in out
    assert "neurons" in out
    code, out, err = told(tmp_path, capfd, text, "estimate", "--ranks", "1")
    assert (code, err) == (0, "")
    assert "regions" in out


@pytest.mark.parametrize(
    ("given", "instead", "says"),
    [
        ("hopf", "hopff", "net.yaml:5: populations.cortex.model: unknown model 'hopff' (did you mean 'hopf'? "),
        ("hopf", "SupHopf", "unknown model 'SupHopf' (did you mean 'hopf'? "),
        ("hopf, ", "hopf, parameters: {a: [0.1, 0.2]}, ", "cortex.parameters.a: 2 numbers for 79 regions"),
        ("0.1}", ".nan}", "far.strength: got .nan"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], given: str, instead: str, says: str
) -> None:
    code, _, err = told(tmp_path, capfd, REGIONS.replace(given, instead), "validate")
    assert (code, len(err.strip().splitlines())) == (2, 1), err
    assert says in err


def test_a_member_that_is_not_a_number(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = REGIONS + "ensemble: {grid: {couplings.far.strength: [0.1, .nan]}}\n"
    code, _, err = told(tmp_path, capfd, text, "validate")
    assert code == 2
    assert "couplings.far.strength: nan is not a number" in err
