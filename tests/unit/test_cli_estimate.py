"""`dtbsim estimate` and `dtbsim validate --ranks`: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_samples import Cli, is_one_error_line
from estimate_samples import HUGE, TWO, changed_profile, small_machine

from dtbsim.errors import EXIT_INPUT, EXIT_MEMORY, EXIT_OK


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(TWO)
    return path


def test_it_says_what_a_user_has_to_know(cli: Cli, config: Path) -> None:
    code, out, err = cli("estimate", config, "--ranks", 2, "--ranks-per-node", 1, "--machine", "cluster", "--rate", 10)
    assert (code, err) == (EXIT_OK, "")
    lines = out.splitlines()
    assert lines[0] == f"{config}: estimate for 2 rank(s)"
    for said in (
        "network           64 neurons, 160 synapses, 1 s in steps of 0.1 ms",
        "ranks             2, 1 on a node, 1 thread each",
        "synapses          0 / 80 / 160 (smallest, mean, largest: rank 1)",
        "messages between ranks that share synapses, every 1.2 ms with 0.5 rank(s)",
        "bytes sent        0 B / 64 B / 128 B (smallest, mean, largest: rank 0) in 1.2 ms",
        "if neurons fire at 10 Hz",
        "note              prediction of an untested configuration",
    ):
        assert any(said in line for line in lines), said


def test_json_is_one_object(cli: Cli, config: Path) -> None:
    code, out, err = cli("estimate", config, "-n", 2, "--machine", "laptop", "--json", "--set", "populations.A.size=64")
    assert (code, err) == (EXIT_OK, "")
    data = json.loads(out)
    assert data["network"]["neurons"] == 96
    assert data["machine"]["ranks"] == 2
    assert data["refusals"] == []


def test_a_rank_is_measured(cli: Cli, config: Path) -> None:
    code, out, err = cli("estimate", config, "--ranks", 2, "--machine", "laptop", "--measure", 20, "--threads", 1)
    assert (code, err) == (EXIT_OK, "")
    said = {line[2:20].strip(): line[20:] for line in out.splitlines()[1:]}
    rank = next(text for name, text in said.items() if name in ("rank 0 here", "rank 1 here"))
    assert rank.startswith("32 neurons, ")
    assert "over 20 ms, firing at " in said["its steps"]
    assert " spikes per second" in said["its exchange"]


def test_a_refusal_is_the_error_of_a_run(cli: Cli, config: Path, tmp_path: Path) -> None:
    small = small_machine(tmp_path, 0.5)
    code, out, err = cli("estimate", config, "--ranks", 2, "--machine", small)
    assert code == EXIT_MEMORY
    assert "memory of a node" in out, "the numbers are shown all the same"
    assert is_one_error_line(err)
    assert "needs 0.7 GiB on this node (2 rank(s)), but 0.5 GiB are available" in err
    code, out, err = cli("estimate", config, "--ranks", 2, "--machine", small, "--json")
    assert code == EXIT_MEMORY
    assert [refusal["exit_code"] for refusal in json.loads(out)["refusals"]] == [EXIT_MEMORY]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ranks", "3"], "simulation.block_size: 3 ranks, but the network has only 2 block(s) of neurons"),
        (["--ranks", "0"], "--ranks: got 0"),
        (["--ranks", "2", "--machine", "labtop"], "did you mean 'laptop'?"),
        (["--rate", "-3"], "a number from 0 to 10000"),
        (
            ["--measure", "0"],
            "measure_ms: 0 ms cannot be measured of a run of 1000 ms (give more than 0 and at most 1000)",
        ),
    ],
)
def test_bad_input_is_one_line(cli: Cli, config: Path, arguments: list[str], said: str) -> None:
    code, out, err = cli("estimate", config, *arguments)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert said in err


def test_a_profile_that_does_not_fit_is_one_line(cli: Cli, config: Path, tmp_path: Path) -> None:
    machine = tmp_path / "m.yaml"
    machine.write_text(changed_profile("unit: cores", "unit: us"))
    code, _, err = cli("estimate", config, "--machine", machine)
    assert code == EXIT_INPUT
    assert is_one_error_line(err)
    assert f"{machine}:8: node.cores.unit: got 'us' (allowed: cores; convert the value)" in err


def test_validate_takes_memory_from_the_estimate(cli: Cli, config: Path, tmp_path: Path) -> None:
    code, out, _ = cli("validate", config)
    assert code == EXIT_OK
    assert " in one process (" in out
    code, out, err = cli("validate", config, "--ranks", 2, "--machine", small_machine(tmp_path, 0.5))
    assert code == EXIT_MEMORY
    assert " on the fullest of 2 ranks" in out
    assert is_one_error_line(err)
    assert cli("validate", config, "--ranks", 2, "--machine", "laptop")[0] == EXIT_OK
    code, _, err = cli("validate", config, "--ranks", 3)
    assert code == EXIT_INPUT
    assert "only 2 block(s)" in err


def test_networks_beyond_32_bits_are_valid_and_too_large_for_one_rank(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_text(HUGE)
    code, out, err = cli("validate", path)
    assert (code, err) == (EXIT_OK, "")
    assert "neurons        86 billion" in out
    assert "not in one process: rank 0 hears 86,000,000,000 neurons; a rank can number 2,147,483,647" in out
    code, out, err = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert not (tmp_path / "run").exists()
