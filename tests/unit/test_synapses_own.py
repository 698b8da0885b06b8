"""A user's own synapse model: found, run, kept in the run folder, and refused with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.own_synapse import CONFIG, HEBBIAN
from tests.unit.cli_samples import Cli

import dtbsim
from dtbsim.config import dump_config, load_config_text
from dtbsim.config.plain import plain
from dtbsim.errors import InputError
from dtbsim.models.synapses import WEIGHT_MAX, Decay, PlasticSynapse, SourceState, SourceSynapse, SynapseParameter
from dtbsim.models.synapses.own import find_synapse, name_of_synapse
from dtbsim.models.synapses.save import fingerprint, save_synapse
from dtbsim.mpi import run_ranks
from dtbsim.simulate.own_models import check_same_models, own_models
from dtbsim.spec import compile_network
from dtbsim.testing import assert_independent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_synapses.py").write_text(HEBBIAN)
    (tmp_path / "net.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


class Plain(PlasticSynapse):
    """Weights that every spike of the source lowers."""

    name = "plain"
    parameters = (SynapseParameter("cost", "weight", 1.0, "depression"), WEIGHT_MAX)

    @staticmethod
    def on_target_spike(w):
        return w

    @staticmethod
    def on_source_spike(w, cost):
        return w - cost


class Fading(SourceSynapse):
    """Every spike transmits less than the one before."""

    name = "fading"
    parameters = (SynapseParameter("tau_ms", "ms", 20.0, "time constant", low=0, open_low=True),)
    states = (SourceState("x", "share that is left", default=1.0),)
    decays = (Decay("recovery", "tau_ms"),)

    @staticmethod
    def on_source_spike(x, recovery):
        left = 1.0 - (1.0 - x) * recovery
        return 0.5 * left, 0.5 * left


def test_the_run_folder_holds_the_model_and_gives_the_run_again(folder: Path) -> None:
    result = dtbsim.run(folder / "net.yaml", out=folder / "run")
    weights = dtbsim.open_run(folder / "run").weights(0)
    assert np.abs(weights.values[-1] - 50).max() > 5
    assert (folder / "run" / "models" / "my_synapses.py").read_text() == HEBBIAN
    (row,) = json.loads((folder / "run" / "provenance.json").read_text())["models"]
    assert (row["projection"], row["file"], row["class"]) == ("EE", "models/my_synapses.py", "Hebbian")
    (folder / "my_synapses.py").unlink()
    again = dtbsim.run(folder / "run" / "config.yaml", out=folder / "again")
    assert again.spike_hash == result.spike_hash
    assert np.array_equal(dtbsim.open_run(folder / "again").weights(0).values, weights.values)


def test_it_is_the_same_in_every_division(folder: Path) -> None:
    assert_independent(plain(load_config_text(CONFIG)), base_dir=folder, ranks=(1, 2), threads=(1, 2))


def test_parameters_are_checked_by_the_table(folder: Path, cli: Cli) -> None:
    for old, new, message in (
        ("gain: 2", "gain: -1", r"net.yaml:13: projections.EE.synapse.parameters.gain: got -1"),
        ("gain: 2, ", "", r"synapse.parameters.gain: missing"),
        ("gain: 2", "gian: 2, gain: 2", r"synapse.parameters.gian: unknown key 'gian'"),
        ("weight_max: 90", "weight_max: -90", r"synapse.weight_max"),
        ("my_synapses.py:Hebbian", "my_synapses.py:Hebian", r"synapse.model: my_synapses.py: there is no 'Hebian'"),
        ("my_synapses.py:Hebbian", "my_synapses.py:HALF", r"my_synapses.py:4: 'HALF' is no synapse model"),
        ("my_synapses.py:Hebbian", "absent.py:Hebbian", r"there is no file .*absent.py"),
        ("gain: 2", "gain: E", r"synapse.parameters.gain: got 'E'"),
        ("weight_max: 90}", "weight_max: 90}, frozen_ms: [[5, 3]]", r"frozen_ms: 5 must be before 3"),
        ("weight_max: 90}", "weight_max: 90}, frozen_ms: [[5, 7.05]]", r"frozen_ms.0.1"),
    ):
        assert old in CONFIG
        (folder / "net.yaml").write_text(CONFIG.replace(old, new))
        code, out, err = cli("validate", "net.yaml")
        assert code == 2, out
        assert (len([line for line in err.splitlines() if "error" in line]), "Traceback" in err) == (1, False), err
        with pytest.raises(InputError, match=message):
            dtbsim.validate(folder / "net.yaml")


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("w + gain * pre", "w ** gain", 28, "the power operator"),
        ("    def on_target_spike(w, pre, gain):\n        return w + gain * pre", "    def on_target_spike(w, pre):\n"
         "        if pre > 0:\n            w = w + pre\n        return w", 28, "an `if` statement is not allowed"),
        ("w + gain * pre", "w, pre", 26, "does not return one number"),
        ("on_target_spike(w, pre, gain)", "on_target_spike(w, pre, vm)", 27, "argument 'vm'"),
        ("    @staticmethod\n    def on_target", "    def on_target", 7, "put @staticmethod before it"),
        ("on_target_spike", "on_targets_spike", 7, "has no function on_target_spike"),
        ('{"loss": HALF * p["cost"]}', "{}", 7, "derive of synapse 'hebbian' does not return 'loss'"),
        ('p["cost"]', 'p["price"]', 24, "KeyError: 'price'"),
        ('derived = ("loss",)', 'derived = "loss"', 7, "`derived` of synapse 'hebbian' is no tuple of names"),
        ("        WEIGHT_MAX,\n", "", 7, "has no parameter weight_max"),
        ('"time constant of both traces", low=0', '"time constant of both traces", low=30', 7, "the default of tau_ms"),
        ('"hebbian"', '"a b"', 7, "has no name"),
    ],
)  # fmt: skip
def test_what_is_outside_of_the_subset_is_one_line(
    folder: Path, cli: Cli, old: str, new: str, place: int, message: str
) -> None:
    assert HEBBIAN.count(old) >= 1
    (folder / "my_synapses.py").write_text(HEBBIAN.replace(old, new, 1))
    for arguments in (["models", "check", "my_synapses.py:Hebbian"], ["run", "net.yaml", "--out", "run"]):
        code, _, err = cli(*arguments)
        told = [line for line in err.splitlines() if line.startswith("dtbsim: error")]
        assert (code, len(told)) == (2, 1), err
        assert f"my_synapses.py:{place}" in told[0]
        assert message in told[0]
    assert not (folder / "run").exists()


def test_the_command_knows_both(folder: Path, cli: Cli) -> None:
    code, out, _ = cli("models", "check", "my_synapses.py:Hebbian")
    assert code == 0
    assert out.startswith("OK\n\nhebbian: the weight follows the spikes of both ends")
    code, out, _ = cli("models", "check", "my_synapses.py:Hebbian", "--c")
    assert "DTB_FN float on_target_spike" in out
    code, out, _ = cli("models", "show", "stdp_triplet")
    assert (code, "A3_minus" in out) == (0, True)
    code, _, err = cli("models", "check", "my_synapses.py:Hebian")
    assert (code, "Hebbian" in err) == (2, True)


def test_files_are_looked_at_without_executing_them(folder: Path, cli: Cli) -> None:
    (folder / "my_synapses.py").write_text("raise SystemExit(9)\nclass Hebbian:\n    pass\n")
    code, out, _ = cli("validate", "net.yaml", "--no-code")
    assert (code, "my_synapses.py:Hebbian" in out) == (0, True)
    code, _, err = cli("validate", "net.yaml")
    assert (code, "my_synapses.py:1" in err) == (2, True)


# -- from Python -----------------------------------------------------------------------------------------------


def config_of(synapse: object) -> dtbsim.RunConfig:
    return dtbsim.RunConfig(
        simulation=dtbsim.Simulation(dt_ms=0.1, duration_ms=40),
        populations={"E": dtbsim.Population(model="iaf_psc_exp", size=30, parameters={"I_e_pA": 420})},
        projections={
            "EE": dtbsim.Projection(
                source="E",
                target="E",
                rule=dtbsim.FixedIndegree(indegree=5),
                weight_pA=20,
                delay_ms=1,
                synapse=synapse,
            )
        },
    )


@pytest.mark.parametrize("model", [Plain, Plain()])
def test_classes_and_instances(model: object, tmp_path: Path) -> None:
    config = config_of(dtbsim.OwnSynapse(model=model, parameters={"weight_max": 30}))
    with pytest.raises(InputError, match="cannot be written to a file"):
        dump_config(config)
    result = dtbsim.run(config, out=tmp_path / "run")
    assert "class Plain(PlasticSynapse)" in (tmp_path / "run" / "models" / "Plain.py").read_text()
    again = dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash


def test_built_in_models_keep_their_names() -> None:
    stdp = find_synapse("stdp")
    assert name_of_synapse(type(stdp)) == name_of_synapse(stdp) == save_synapse(type(stdp), None) == "stdp"
    assert name_of_synapse(Plain) is None
    network = compile_network(config_of({"model": type(stdp), "parameters": {"weight_max": 30}}))
    assert network.projections[0].dynamics.model is stdp


def test_what_lacks_a_file_is_told() -> None:
    class Inside(Plain):
        """As the other."""

    saved = save_synapse(Inside, None)
    assert not isinstance(saved, str)
    assert "defined inside a function" in (saved.lacking or "")
    assert fingerprint(find_synapse(Inside)) == fingerprint(find_synapse(Plain))


def test_weights_that_do_not_change_cannot_be_recorded() -> None:
    fading = config_of(dtbsim.OwnSynapse(model=Fading))
    assert not compile_network(fading).projections[0].dynamics.plastic
    fading.record = dtbsim.Record(weights=[dtbsim.RecordWeights(projection="EE", neurons=3)])
    with pytest.raises(InputError, match=r"record.weights.0.projection: the weights of projection 'EE' do not change"):
        compile_network(fading)


def test_constants_must_be_numbers() -> None:
    class Bad(Plain):
        """Divides by a parameter."""

        derived = ("inverse",)

        def derive(self, p, weight_unit):
            return {"inverse": 1 / (p["cost"] - p["cost"])}

        @staticmethod
        def on_source_spike(w, inverse):
            return w - inverse

    with pytest.raises(InputError, match="ZeroDivisionError"):
        compile_network(config_of(dtbsim.OwnSynapse(model=Bad, parameters={"weight_max": 30})))


def test_ranks_with_different_files_are_refused(folder: Path) -> None:
    config = load_config_text(CONFIG)
    other = folder / "node"
    other.mkdir()
    (other / "my_synapses.py").write_text(HEBBIAN + "\n")

    def work(comm: object) -> str:
        with pytest.raises(InputError) as caught:
            check_same_models(own_models(config, other if comm.rank == 1 else folder), comm)  # type: ignore[attr-defined]
        return str(caught.value)

    said = "projections.EE.synapse.model: the file of the model on rank 1 is not that on rank 0"
    assert all(text.startswith(said) for text in run_ranks(2, work, node_count=2))
