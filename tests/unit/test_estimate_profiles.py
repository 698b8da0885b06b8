"""Machine profiles: those that come with dtbsim, files that do not fit, and what is measured here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from estimate_samples import changed_profile

from dtbsim.errors import InputError
from dtbsim.estimation import calibrate
from dtbsim.estimation.calibrate import NEURONS, SYNAPSES, Stepped
from dtbsim.estimation.probe_exchange import exchange_us
from dtbsim.estimation.profile import COMMON, GPU, UNCERTAINTY, load_profile, parse_profile, profile_names
from dtbsim.estimation.time import FAR_STEPS, NEAR_STEPS, row_time


@pytest.mark.parametrize("name", ["laptop", "cluster", "a100", "h200"])
def test_profiles_of_the_package_are_whole(name: str) -> None:
    profile = load_profile(name)
    expected = COMMON | ({"gpu": GPU} if name in ("a100", "h200") else {})
    assert list(profile.numbers) == [f"{section}.{key}" for section, keys in expected.items() for key in keys]
    assert all(number.origin for number in profile.numbers.values())
    assert parse_profile(profile.to_yaml(), "again") == profile
    assert name in profile_names()


def test_what_nobody_measured_is_untested() -> None:
    """One node of the laptop uses measured times alone; several nodes and GPUs do not."""
    laptop, gpu = load_profile("laptop"), load_profile("h200")
    assert not laptop.untested(ranks=8, nodes=1)
    assert laptop.untested(ranks=8, nodes=2)
    assert gpu.untested(ranks=1, nodes=1)
    assert load_profile("cluster").untested(ranks=1, nodes=1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: cpu", "kind: tpu", "m.yaml:3: kind: got 'tpu' (allowed: cpu, gpu)"),
        ("profile: 1", "profile: 7", "m.yaml:1: profile: the number of the format got 7 (allowed: 1)"),
        ("unit: cores", "unit: ns", "node.cores.unit: got 'ns' (allowed: cores; convert the value)"),
        ("value: 8.0", "value: -8.0", "node.cores.value: got -8 (allowed: a number above 0, in cores)"),
        ("value: 8.0", "value: 0", "node.cores.value: got 0 (allowed: a number above 0, in cores)"),
        ("value: 8.0", "value: many", "node.cores.value: got 'many' (allowed: a number above 0, in cores)"),
        ("value: 8.0", "value: true", "node.cores.value: got True"),
        ("value: 8.0", "value: .inf", "node.cores.value: got inf"),
        ("how: data sheet", "how: guessed", "node.cores.how: got 'guessed' (allowed: measured, benchmark, data sheet)"),
        ("  cores:", "  coers:", "node.coers: this key is unknown (did you mean 'cores'?)"),
        ("    unit: cores\n", "", "node.cores.unit: this key is missing"),
        ("compute:", "computing:", "compute: this section is missing"),
        ("name: laptop", "name: 7", "name: got 7"),
    ],
)
def test_a_profile_that_does_not_fit_is_an_error_at_its_key(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_profile(changed_profile(old, new), "m.yaml")
    assert any(said in line for line in caught.value.lines), caught.value.lines


@pytest.mark.parametrize("text", ["", "7", "[1, 2]"])
def test_what_is_no_profile_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=r"m\.yaml"):
        parse_profile(text, "m.yaml")


def test_a_machine_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_profile("h20")
    assert "did you mean 'h200'?" in str(caught.value)
    (tmp_path / "m.yaml").write_bytes(b"profile: 1\nname: \xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        load_profile(tmp_path / "m.yaml")


# -- calibration ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "near", "far"), [(0.8, 15.0, 25.0), (1.5, 30.0, 30.0)])
def test_events_and_rows_are_told_apart(event: float, near: float, far: float) -> None:
    counts = [(1e8, 1e4, near), (1e8, 4e6, near), (1e8, 4e7, far)]
    runs = [
        Stepped({"deliver": 1e-9 * np.hypot(e * event, r * row), "schedule": 0.0}, 1.0, 1, int(e), r, 1, 1.0)
        for e, r, row in counts
    ]
    assert calibrate._event_and_rows(runs) == pytest.approx([event, near, far], rel=1e-3)


def test_rows_cost_more_the_more_steps_they_are_due_in() -> None:
    costs = [row_time(steps, 10.0, 40.0) for steps in (1, NEAR_STEPS, 89, FAR_STEPS, 5000)]
    assert costs == pytest.approx([10, 10, 20, 40, 40], rel=0.01)


def test_the_engine_is_measured() -> None:
    """Small networks of the kind that a calibration steps: all that it counts and times is there."""
    neurons = calibrate._stepped(NEURONS.replace("SIZE", "200").replace("400}", "40}"), 1)
    assert neurons.stages["update"] > 0
    assert neurons.stages["drive"] > 0
    text = SYNAPSES.replace("10000", "100").replace("20000", "100").replace("indegree: 1000", "indegree: 100")
    text = text.replace("rate_hz: 5", "rate_hz: 50").replace("DELAY", "1.5")
    synapses = calibrate._stepped(text, 1)
    assert synapses.events == pytest.approx(synapses.rows * synapses.synapses / 100, rel=0.3), "every source has a row"
    assert synapses.steps > 0
    host_us, spike_us = exchange_us()
    assert host_us > 0
    assert spike_us > 0


@pytest.mark.nightly
def test_a_calibration_is_a_profile() -> None:
    said: list[str] = []
    profile = calibrate.calibrate(said.append)
    assert len(said) == 4
    assert parse_profile(profile.to_yaml(), "machine.yaml") == profile
    assert not profile.untested(ranks=1, nodes=1)
    for path, number in profile.numbers.items():
        assert number.how in UNCERTAINTY
        assert number.how == "measured" or path.startswith("exchange.")
    assert 0.05 < profile["compute.event"] < 50
    assert 1 < profile["compute.build_synapse"] < 5000
