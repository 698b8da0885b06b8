"""simulation.settling_ms: what follows it, that spikes do not, and runs shortened by their duration alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import dtbsim
from dtbsim.clock import time_of
from dtbsim.config import load_config_data, load_config_text, load_located
from dtbsim.config.dump import dump_config
from dtbsim.errors import InputError
from dtbsim.spec import Network

EXAMPLES = Path(__file__).parents[2] / "examples"
NETWORK: dict[str, Any] = {
    "simulation": {"dt_ms": 1.0, "duration_ms": 2000, "settling_ms": 500, "threads": 1},
    "atlas": "dk68",
    "populations": {"E": {"model": "iaf_psc_exp", "size": 20, "regions": "all"}},
    "drives": {
        "noise": {"kind": "poisson", "target": "E", "rate_hz": 9000, "weight_pA": 40},
        "late": {"kind": "dc", "target": "E", "amplitude": 300, "start_ms": 1500},
        "more": {"kind": "poisson", "target": "E", "rate_hz": 500, "weight_pA": 40},
    },
    "record": {"correlations": [{"first": "E", "second": "E", "tau_max_ms": 10}]},
    "bold": {"population": "E", "tr_ms": 500},
}


def starts(config: dtbsim.RunConfig) -> tuple[float | None, ...]:
    spikes, bold = config.record.spikes, config.bold
    return (
        None if spikes is None else spikes.start_ms,
        *(pair.start_ms for pair in config.record.correlations),
        None if bold is None else bold.discard_ms,
        config.analysis.statistics_start_ms,
    )


def compiled_starts(network: Network) -> tuple[float, ...]:
    """The same of a network."""
    records = network.records
    assert records.spikes is not None
    assert records.bold is not None
    bins = [pair.first_bin * pair.bin for pair in records.correlations]
    return tuple(
        time_of(steps, network.dt_ms)
        for steps in (records.spikes.start, *bins, records.bold.discard, records.statistics_start)
    )


def given(**changes: Any) -> dict[str, Any]:
    return {**NETWORK, **changes}


def test_what_is_not_given_follows() -> None:
    assert starts(load_config_data(NETWORK)) == (500, 500, 500, 500)
    without = given(simulation={"duration_ms": 2000})
    assert starts(load_config_data(without)) == (0, 0, 0, 0), "files without the key mean what they meant"


def test_what_is_given_stays_also_where_it_is_the_default() -> None:
    config = load_config_data(
        given(
            record={"spikes": {"start_ms": 0, "stop_ms": 300}},
            bold={"population": "E", "tr_ms": 500, "discard_ms": 1000},
            analysis={"statistics_start_ms": 0},
        )
    )
    assert starts(config) == (0, 1000, 0)


def test_the_written_configuration_has_the_times_that_are_used() -> None:
    config = load_config_data(NETWORK)
    text = dump_config(config)
    assert "statistics_start_ms: 500" in text
    assert load_config_text(text) == config


@pytest.mark.parametrize("overrides", [["simulation.settling_ms=700"], ["simulation.settling_ms=700", "seed=3"]])
def test_objects_follow_an_override(overrides: list[str]) -> None:
    config = dtbsim.RunConfig(**{**NETWORK, "bold": {"population": "E", "discard_ms": 100, "tr_ms": 500}})
    assert starts(config)[0] == 0, "settled when it is used"
    assert compiled_starts(dtbsim.validate(config, set=overrides)) == (700, 700, 100, 700)
    assert compiled_starts(dtbsim.validate(load_config_data(NETWORK), set=overrides)) == (700, 700, 700, 700)
    assert compiled_starts(dtbsim.validate(config)) == (500, 500, 100, 500)
    assert starts(config)[0] == 0, "what was given is not changed"


@pytest.mark.parametrize("settling_ms", [0, 500])
def test_spikes_do_not_depend_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settling_ms: int) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    base = dtbsim.run(given(bold=None, record={}), out=tmp_path / "base", set=["simulation.settling_ms=0"])
    other = dtbsim.run(NETWORK, out=tmp_path / "other", set=[f"simulation.settling_ms={settling_ms}"])
    assert other.spike_hash == base.spike_hash
    assert other.open().spikes().time_ms.min() > settling_ms
    assert other.open().bold().time_s[0] == (settling_ms + 500) / 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"simulation": {"duration_ms": 300, "settling_ms": 300}},
            "settling_ms: 300 ms is not before the end",
        ),
        (
            {"simulation": {"duration_ms": 2000, "settling_ms": 0.55, "dt_ms": 0.1}, "bold": None},
            "simulation.settling_ms: 0.55 ms is not",
        ),
        ({"record": {"spikes": {"stop_ms": 400}}}, "record.spikes.stop_ms: 400 ms is not after the settling time"),
        ({"analysis": {"statistics_start_ms": 5000}}, "analysis.statistics_start_ms: 5000 ms is not before the end"),
        ({"bold": {"population": "E", "discard_ms": 2000}}, "bold.discard_ms: 2000 ms is not before the end"),
    ],
)
def test_mistakes_in_a_file_are_still_errors(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config_data(given(**change))


def shortened(tmp_path: Path, data: dict[str, Any], *overrides: str) -> tuple[dtbsim.RunConfig, str]:
    file = tmp_path / "net.yaml"
    file.write_text(dump_config(load_config_data(data)), encoding="utf-8")
    located = load_located(file, overrides)
    return located.config, "\n".join(located.locator.notices)


def test_a_written_configuration_is_shortened_by_its_duration_alone(tmp_path: Path) -> None:
    """All times stand in RUN/config.yaml; whatever lies beyond the new end is said and replaced."""
    config, notices = shortened(tmp_path, NETWORK, "simulation.duration_ms=400")
    assert starts(config) == (0, 0, None, 0)
    for path in ("simulation.settling_ms", "record.spikes.start_ms", "record.correlations.0.start_ms", "analysis.stat"):
        assert path in notices
    assert "bold is left out: no volume of 500 ms fits into the shorter run (400 ms)" in notices
    assert "drives.late begins at 1500 ms, after the end of the run (400 ms): never on" in notices


def test_only_what_lies_beyond_the_end_changes(tmp_path: Path) -> None:
    data = given(analysis={"statistics_start_ms": 1800}, bold={"population": "E", "tr_ms": 500, "discard_ms": 1000})
    config, notices = shortened(tmp_path, data, "simulation.duration_ms=1600")
    assert starts(config) == (500, 500, 1000, 500)
    assert notices.startswith(
        "analysis.statistics_start_ms (1800 ms) is not before the end of the shorter run (1600 ms)"
    )
    assert len(notices.splitlines()) == 1
    config, notices = shortened(tmp_path, data, "simulation.duration_ms=1200")
    assert starts(config)[2] == 0
    assert "bold.discard_ms leaves no volume of 500 ms in the shorter run (1200 ms): 0 is used" in notices


def test_a_longer_run_has_nothing_to_say(tmp_path: Path) -> None:
    config, notices = shortened(tmp_path, NETWORK, "simulation.duration_ms=90000")
    assert (starts(config), notices) == ((500, 500, 500, 500), "")


def test_what_an_override_gives_is_not_replaced() -> None:
    for override in ("analysis.statistics_start_ms=1000", "bold.discard_ms=900", "simulation.settling_ms=900"):
        with pytest.raises(InputError, match=rf"--set {override.partition('=')[0]}.*is not before the end"):
            load_config_data(NETWORK, ["simulation.duration_ms=800", override])
    with pytest.raises(InputError, match="no volume fits"):
        load_config_data(NETWORK, ["simulation.duration_ms=800", "bold.tr_ms=600"])


@pytest.mark.parametrize("duration", ["abc", "-5", "null", "true"])
def test_a_wrong_duration_is_the_mistake_that_is_named(duration: str) -> None:
    with pytest.raises(InputError, match=r"simulation\.duration_ms"):
        load_config_data(NETWORK, [f"simulation.duration_ms={duration}"])


@pytest.mark.parametrize(
    "change",
    [
        {"simulation": 3},
        {"simulation": "long"},
        {"record": [1]},
        {"record": {"correlations": 3, "spikes": "all"}},
        {"record": {"correlations": [7, None]}},
        {"bold": 7},
        {"bold": {"population": "E", "tr_ms": "x", "discard_ms": None}},
        {"analysis": {"statistics_start_ms": [1]}},
        {"drives": {"a": 3}},
        {"drives": {"a": {"windows_ms": [[None]], "start_ms": "x"}}},
        {"drives": {"a": {"windows_ms": [5]}}},
    ],
)
def test_odd_data_are_left_to_validation(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        load_config_data(given(**change), ["simulation.duration_ms=100"])


def test_a_shorter_run_is_the_beginning_of_the_longer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drive that would begin later is still one of the drives, so that the others draw the same numbers."""
    monkeypatch.setenv("DTBSIM_MPI", "off")
    long = dtbsim.run(NETWORK, out=tmp_path / "long", set=["simulation.settling_ms=0"]).open()
    short = dtbsim.run(NETWORK, out=tmp_path / "short", set=["simulation.settling_ms=0", "simulation.duration_ms=700"])
    steps, gids = long.spike_steps(None, None, 700.0)
    assert len(steps) > 100
    assert [array.tolist() for array in short.open().spike_steps()] == [steps.tolist(), gids.tolist()]


def test_the_log_and_the_terminal_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    with caplog.at_level(logging.WARNING, logger="dtbsim"):
        dtbsim.run(NETWORK, out=tmp_path / "run", set=["simulation.duration_ms=600"])
    assert any("drives.late begins at 1500 ms, after the end" in record.message for record in caplog.records)
    assert "drives.late begins at 1500 ms, after the end" in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["brunel", "izhikevich", "microcircuit", "own_model", "resting_state"])
@pytest.mark.parametrize("duration_ms", [100, 3000])
def test_every_example_is_shortened_by_its_duration_alone(name: str, duration_ms: int) -> None:
    network = dtbsim.validate(EXAMPLES / f"{name}.yaml", set=[f"simulation.duration_ms={duration_ms}"])
    assert network.n_steps == round(duration_ms / network.dt_ms)


def test_what_begins_after_the_end_is_said_and_never_happens(tmp_path: Path) -> None:
    """A run that was cut shorter has it in its folder, where its configuration must run again."""
    late = NETWORK | {
        "changes": {
            "never": {"drive": "late", "t_ms": 900, "on": False},
            "part": {"drive": "late", "times_ms": [100, 900], "values": {"amplitude": [1.0, 2.0]}},
        }
    }
    data = {**late, "simulation": {**late["simulation"], "duration_ms": 700, "settling_ms": 100}}
    _, notices = shortened(tmp_path, data)
    assert "drives.late begins at 1500 ms, after the end of the run (700 ms): never on" in notices
    assert "changes.never at 900 ms is after the end of the run (700 ms): never made" in notices
    assert "changes.part goes on after the end of the run (700 ms), and is cut there" in notices
