"""Networks in the numbers of chips: the same map without rounding, the same numbers when read again, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.chips import load_chip
from dtbsim.chips.conversion import Conversion, convert
from dtbsim.chips.conversion.weights import Format, Group, exponent_for, exponents_of, rounded
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError

N = 200
OWN = Path(__file__).parents[1] / "helpers" / "unrounded_chips.py"


def lif(model: str = "iaf_psc_exp", **changes: Any) -> dict[str, Any]:
    """A recurrent network that constant currents drive, with drawn parameters, weights and delays.

    With this seed no potential comes so close to threshold that float32 decides; else one spike in some thousand does.
    """
    unit, size = ("mV", 0.01) if model == "iaf_psc_delta" else ("pA", 1.0)
    weights = {"e": {"distribution": "normal", "mean": 60 * size, "sd": 6 * size, "low": 0}, "i": -250 * size}
    p = {
        "tau_m_ms": {"distribution": "uniform", "low": 9.0, "high": 11.0},
        "I_e_pA": {"distribution": "uniform", "low": 380, "high": 460},
    }
    spread = {"V_m_mV": {"distribution": "uniform", "low": -70.0, "high": -56.0}}
    delay = {"distribution": "uniform", "low": 0.5, "high": 3.0}
    rules = {"E": {"kind": "fixed_indegree", "indegree": 30}, "I": {"kind": "fixed_indegree", "indegree": 12}}
    given = {
        "name": "lif",
        "seed": 5,
        "simulation": {"dt_ms": 0.1, "duration_ms": 300.0},
        "populations": {
            "E": {"model": model, "size": N, "parameters": p, "initial": spread},
            "I": {"model": model, "size": N // 4, "parameters": p, "initial": spread},
        },
        "projections": {
            "exc": {
                "source": "E",
                "target": ["E", "I"],
                "rule": rules["E"],
                f"weight_{unit}": weights["e"],
                "delay_ms": delay,
            },
            "inh": {
                "source": "I",
                "target": ["E", "I"],
                "rule": rules["I"],
                f"weight_{unit}": weights["i"],
                "delay_ms": 1.0,
            },
        },
    }
    return given | changes


def converted(given: dict[str, Any], chip: str, *, cores: int = 3, bits: int | None = None) -> Conversion:
    built = dtbsim.build(given)
    return convert(built, load_chip(chip), core_of_neuron=np.arange(built.n_neurons) % cores, weight_bits=bits)


def spikes(given: Any, n: int) -> set[tuple[int, int]]:
    run = dtbsim.run(given, temporary=True).open()
    steps, gids = run.spike_steps()
    return {(step, gid) for step, gid in zip(steps.tolist(), gids.tolist(), strict=True) if gid < n}


def same(one: set[tuple[int, int]], other: set[tuple[int, int]]) -> None:
    first = min((step for step, _ in one ^ other), default=None)
    assert first is None, f"{len(one)} and {len(other)} spikes; first differing step {first}"


def unrounded(made: Conversion, folder: Path) -> Path:
    """The configuration with what was asked for in place of what registers hold.

    A weak synapse of a source that is silent makes the engine keep weights with 24 bits instead of 16.
    """
    loihi = made.model == "loihi_lif"
    populations = {
        name: replace(
            item,
            model=f"{OWN}:{'UnroundedLoihi' if loihi else 'UnroundedSpinnaker'}",
            parameters={
                key: item.wanted.get(key, value) for key, value in item.parameters.items() if "shift" not in key
            },
            initial=item.initial if loihi else {"v": item.initial["v"] / 2.0**15 - item.parameters["v_rest_mV"]},
        )
        for name, item in made.populations.items()
    }
    path = replace(made, populations=populations).write(folder)
    for item in made.projections.values():
        file = path.parent / f"{item.name.replace('.', '_')}.npz"
        columns = dict(np.load(file))
        np.savez(file, **(columns | {"weight": item.wanted}))
    config, _ = parse_yaml(path.read_text(), "network")
    assert isinstance(config, dict)
    config["populations"]["quiet"] = {"model": "spike_source", "size": 1, "spikes": {"neuron": [0], "time_ms": [1e6]}}
    least = min(float(np.abs(item.wanted).min()) for item in made.projections.values())
    for k, (name, port) in enumerate([(n, p) for n in ("E", "I") for p in (("syn",) if loihi else ("ex", "in"))]):
        config["projections"][f"quiet{k}"] = {
            "source": "quiet", "target": name, "receptor": port, "rule": {"kind": "all_to_all"}, "weight": least * 1e-4,
            "delay_ms": 1.0,
        }  # fmt: skip
    path.write_text(to_yaml(config))
    return path


@pytest.mark.parametrize(
    ("chip", "model"),
    [
        pytest.param("loihi", "iaf_psc_exp", marks=pytest.mark.nightly),
        pytest.param("loihi", "iaf_psc_delta", marks=pytest.mark.nightly),
        pytest.param("spinnaker1", "iaf_psc_exp", marks=pytest.mark.nightly),
    ],
)
def test_without_rounding_every_spike_is_that_of_the_network(chip: str, model: str, tmp_path: Path) -> None:
    given = lif(model)
    made = converted(given, chip)
    own = spikes(given, N + N // 4)
    assert len(own) > 1500
    same(own, spikes(unrounded(made, tmp_path / "net"), N + N // 4))


def test_delays_of_currents_are_one_step_longer_on_the_chip() -> None:
    given = lif()
    (steps,) = {tuple(part.delay_steps) for part in dtbsim.build(given).projections["exc.E"].synapses()}
    assert converted(given, "loihi").projections["exc.E"].delay_steps.tolist() == [*steps]  # counted from 0
    assert converted(given, "spinnaker1").projections["exc.E"].delay_steps.tolist() == [d + 1 for d in steps]


@pytest.mark.parametrize("chip", ["loihi", "spinnaker1"])
def test_what_is_written_is_read_bit_for_bit(chip: str, tmp_path: Path) -> None:
    made = converted(lif(), chip)
    again = dtbsim.build(made.write(tmp_path / "net"))
    shift = 1 if chip == "loihi" else 0
    for name, item in made.projections.items():
        (part,) = again.projections[name.replace(".", "_")].synapses()
        assert np.array_equal(part.source_gid, item.source_gid)
        assert np.array_equal(part.target_gid, item.target_gid)
        assert np.array_equal(part.delay_steps, item.delay_steps + shift)
        held = item.weight if chip == "loihi" else item.mantissa
        assert np.array_equal(part.weight, held)
    for name, population in made.populations.items():
        table = again.populations[name].parameters
        assert all(np.array_equal(table[key], value) for key, value in population.parameters.items())
        states = again.populations[name].initial_states
        assert all(np.array_equal(states[key], value) for key, value in population.initial.items())


NATIVE: dict[str, dict[str, Any]] = {
    "loihi": {"decay_u": 600, "decay_v": 130, "vth_mantissa": 900},
    "truenorth": {"threshold": 300, "leak": -2, "leak_reversal": 0, "negative_threshold": 50},
    "spinnaker1": {"shift_ex": 2, "shift_in": 3, "cm_nF": 0.25},
}


@pytest.mark.parametrize(
    "chip", ["loihi", *(pytest.param(chip, marks=pytest.mark.nightly) for chip in ("truenorth", "spinnaker1"))]
)
def test_a_network_of_the_chips_own_neurons_stays_what_it_is(chip: str, tmp_path: Path) -> None:
    """With a Poisson drive from step 0 on, which becomes listed spikes, and a source of spikes."""
    named = chip == "spinnaker1"
    unit = {"loihi": 64, "truenorth": 1, "spinnaker1": 512}[chip]
    port = {"receptor": "ex"} if named else {}
    given = {
        "name": "own",
        "seed": 2,
        "simulation": {"dt_ms": 1.0, "duration_ms": 120},
        "populations": {
            "A": {"model": load_chip(chip).model, "size": 60, "parameters": NATIVE[chip]},
            "S": {"model": "spike_source", "size": 2, "spikes": {"neuron": [0, 1, 1], "time_ms": [3.0, 9.0, 9.0]}},
        },
        "projections": {
            "AA": {
                "source": "A",
                "target": "A",
                "rule": {"kind": "fixed_indegree", "indegree": 10},
                "weight": 3 * unit,
                "delay_ms": {"distribution": "uniform", "low": 1, "high": 9},
                **port,
            },
            "SA": {
                "source": "S",
                "target": "A",
                "rule": {"kind": "all_to_all"},
                "weight": 9 * unit,
                "delay_ms": 2,
                **port,
            },
        },
        "drives": {"in": {"kind": "poisson", "target": "A", "rate_hz": 700, "weight": 50 * unit, **port}},
    }
    made = converted(given, chip)
    own = spikes(given, 60)
    assert min(step for step, _ in own) < 20
    assert len(own) > 200
    assert not made.losses
    same(own, spikes(made.write(tmp_path / "net"), 60))


def test_the_drive_of_a_current_becomes_a_bias() -> None:
    given = lif(drives={"dc": {"kind": "dc", "target": "E", "amplitude": 100.0}})
    plain, driven = converted(lif(), "loihi"), converted(given, "loihi")
    mV = [
        item.wanted["bias_mantissa"] * 2.0 ** item.parameters["bias_exponent"] * item.unit_mV
        for item in (plain.populations["E"], driven.populations["E"])
    ]
    p = dtbsim.build(given).populations["E"].parameters
    unit = -np.expm1(-0.1 / p.tau_m_ms) * p.tau_m_ms / p.C_m_pF
    np.testing.assert_allclose(mV[1] - mV[0], 100.0 * unit, rtol=1e-6)


@pytest.mark.parametrize("bits", [8, 6, 4])
def test_fewer_bits_are_coarser_and_scales_are_by_core_and_receptor(bits: int) -> None:
    made = converted(lif(), "loihi", bits=bits)
    assert {core for core, _ in made.exponents} == {0, 1, 2}
    assert {receptor for _, receptor in made.exponents} == {"ex", "in"}
    for item in made.projections.values():
        assert np.abs(item.mantissa).max() <= 2 ** (bits - 1) - 1
        step = 2.0 ** item.exponent.astype(float)
        assert (np.abs(item.weight - item.wanted) <= 0.5 * step + 1e-6 * np.abs(item.wanted)).all()
    assert any("weights that are off by" in loss.instead and loss.spikes for loss in made.losses)
    assert converted(lif(), "loihi", cores=1, bits=bits).exponents.keys() == {(0, "ex"), (0, "in")}


def test_exponents_are_the_smallest_that_hold_the_largest() -> None:
    form = Format(127, 6, 14)
    assert exponent_for(127 * 64, form) == 6
    assert exponent_for(127.49 * 64, form) == 6
    assert exponent_for(127.6 * 64, form) == 7
    assert exponent_for(1.0, form) == 6
    assert exponent_for(1e9, form) == 14
    group = Group("ex", np.array([32.0, 96.0, 160.0, -127 * 64, 1e9]), np.array([0, 0, 0, 0, 1]))
    exponents = exponents_of([group], form)
    assert exponents == {(0, "ex"): 6, (1, "ex"): 14}
    mantissa, exponent = rounded(group, exponents, form)
    assert mantissa.tolist() == [0, 2, 2, -127, 127]  # halves to even; clipped
    assert exponent.tolist() == [6, 6, 6, 6, 14]


def test_weights_that_vanish_are_said_with_numbers() -> None:
    given = lif()
    given["projections"]["exc"]["weight_pA"] = 0.1
    made = converted(given, "loihi", bits=3)
    assert any("weights are too small for the chip and become 0" in note for note in made.notes), made.notes


def test_decays_that_round_badly_are_said() -> None:
    given = lif(simulation={"dt_ms": 0.05, "duration_ms": 10})
    (note,) = {note for note in converted(given, "loihi").notes if "populations.E" in note and "tau_m" in note}
    assert "tau_m_ms is off by up to" in note
    assert "longer simulation.dt_ms" in note


CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "loihi",
        {"populations.E.parameters.tau_syn_in_ms": 5.0},
        r"'E' has two time constants of synapses \(2 and 5 ms\)",
    ),
    ("loihi", {"populations.E.parameters.V_reset_mV": -65.0}, "'E' is reset to -65 mV and rests at -70 mV"),
    ("loihi", {"populations.E.parameters.t_ref_ms": 7.0}, r"is 71 \(200 of 200\); the chip has 1 to 64 \(.*brian2"),
    ("loihi", {"projections.exc.delay_ms": 9.0}, r"a delay in steps of the chip is 90 .* has 0 to 62 \(.*brian2"),
    ("loihi", {"populations.E.model": "iaf_psc_alpha"}, "of model 'iaf_psc_alpha', which the chip cannot say"),
    ("spinnaker1", {"projections.exc.delay_ms": 9.0}, "steps of the chip is 91 .* has 1 to 32"),
    ("spinnaker1", {"projections.exc.receptor": "in"}, "weights above 0 into port 'in'"),
    ("truenorth", {}, "no exponential decay"),
    ("brainscales2", {}, "the arithmetic of brainscales2 is not known"),
    (
        "loihi",
        {"drives.x": {"kind": "ou_current", "target": "E", "mean": 0, "sigma": 5, "tau_ms": 5}},
        "is drawn while",
    ),
    ("loihi", {"drives.x": {"kind": "sinusoidal", "target": "E", "amplitude": 9, "frequency_hz": 9}}, "a current that"),
    (
        "loihi",
        {"projections.exc.synapse": {"kind": "stdp", "weight_max": 100}},
        "synapses of kind 'stdp' change with activity",
    ),
]


@pytest.mark.parametrize(("chip", "changes", "message"), CASES)
def test_what_a_chip_cannot_say_is_refused(chip: str, changes: dict[str, Any], message: str) -> None:
    given = lif()
    for path, value in changes.items():
        *keys, last = path.split(".")
        inner = given
        for key in keys:
            inner[key] = dict(inner.get(key, {}))  # populations share their parameters
            inner = inner[key]
        inner[last] = value
    with pytest.raises(InputError, match=message):
        converted(given, chip)


def test_all_that_a_chip_cannot_say_is_said_at_once() -> None:
    given = lif()
    given["populations"]["E"]["parameters"] = given["populations"]["E"]["parameters"] | {
        "V_reset_mV": -65.0,
        "t_ref_ms": 9.0,
    }
    with pytest.raises(InputError) as caught:
        converted(given, "loihi")
    assert len(caught.value.mistakes) == 2


def test_truenorth_has_four_weights_for_a_neuron() -> None:
    edges = {"source": [0, 1, 2, 3, 4], "target": [5] * 5, "weight": [1, 2, 3, 4, 5]}
    given = {
        "name": "t",
        "simulation": {"dt_ms": 1.0, "duration_ms": 5},
        "populations": {"A": {"model": "truenorth", "size": 6}},
        "projections": {
            "AA": {"source": "A", "target": "A", "rule": {"kind": "explicit", "edges": edges}, "delay_ms": 1}
        },
    }
    with pytest.raises(InputError, match="'A' has 5 different weights; the chip has 4"):
        converted(given, "truenorth")
    edges["weight"] = [1, 2, 3, 4, 256]
    with pytest.raises(InputError, match="a weight is 256"):
        converted(given, "truenorth")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "mine").touch()
    with pytest.raises(InputError, match="this exists already"):
        converted(lif(), "loihi").write(tmp_path / "net")
    assert [path.name for path in (tmp_path / "net").iterdir()] == ["mine"]


def test_gids_and_names_stay(tmp_path: Path) -> None:
    path = converted(lif(), "loihi").write(tmp_path / "net")
    again = dtbsim.build(path)
    assert again.populations["E"].gids.tolist() == [*range(N)]
    assert again.populations["I"].gids.tolist() == [*range(N, N + N // 4)]


@pytest.mark.nightly
@pytest.mark.parametrize("chip", ["loihi", "spinnaker1"])
def test_threads_and_blocks_change_no_spike_of_a_chip(chip: str, tmp_path: Path) -> None:
    path = converted(lif(), chip).write(tmp_path / "net")
    hashes = {
        dtbsim.run(path, temporary=True, set=[f"simulation.threads={threads}", f"simulation.block_size={size}"])
        .open()
        .summary["spike_hash"]
        for threads, size in ((1, 4096), (2, 64))
    }
    assert len(hashes) == 1
