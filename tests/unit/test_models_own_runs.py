"""A user's own model in a run: kept in the run folder, given as a Python object, the same on all ranks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.own_model import CONFIG, LEAKY

import dtbsim
from dtbsim.config import load_config_data, load_config_text
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, Parameter, Receptor, State, get_model
from dtbsim.models.own_save import needed_text, save
from dtbsim.mpi import run_ranks
from dtbsim.simulate.own_models import check_same_models, own_models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_models.py").write_text(LEAKY)
    (tmp_path / "net.yaml").write_text(CONFIG)
    return tmp_path


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_run_folder_holds_the_model_and_gives_the_run_again(folder: Path) -> None:
    result = dtbsim.run(folder / "net.yaml", out=folder / "run")
    assert result.summary["spikes"] > 100
    assert (folder / "run" / "models" / "my_models.py").read_text() == LEAKY
    (row,) = json.loads((folder / "run" / "provenance.json").read_text())["models"]
    assert row == {
        "population": "E",
        "given": "my_models.py:Leaky",
        "file": "models/my_models.py",
        "class": "Leaky",
        "sha256": hash_of(LEAKY),
    }
    (folder / "my_models.py").unlink()
    again = dtbsim.run(folder / "run" / "config.yaml", out=folder / "again")
    assert again.spike_hash == result.spike_hash
    assert (folder / "again" / "models" / "my_models.py").read_text() == LEAKY


def test_the_source_decides_the_spikes(folder: Path) -> None:
    first = dtbsim.run(folder / "net.yaml", out=folder / "first")
    (folder / "my_models.py").write_text(LEAKY.replace("15.0", "15.5"))
    second = dtbsim.run(folder / "net.yaml", out=folder / "second")
    assert first.spike_hash != second.spike_hash
    hashes = [
        json.loads((folder / run / "provenance.json").read_text())["models"][0]["sha256"] for run in ("first", "second")
    ]
    assert hashes[0] != hashes[1]


def test_files_of_the_same_name_are_told_apart(folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / "b" / "my_models.py").write_text(LEAKY + "# other\n")
    (folder / "c").mkdir()
    (folder / "c" / "my_models.py").write_text(LEAKY)
    populations = {
        name: {"model": f"{path}my_models.py:Leaky", "size": 1} for name, path in (("A", ""), ("B", "b/"), ("C", "c/"))
    }
    config = load_config_data(
        {"simulation": {"duration_ms": 1}, "populations": populations | {"D": {"model": "izhikevich", "size": 1}}}
    )
    kept = own_models(config, folder)
    assert kept.files == {"my_models.py": LEAKY, "my_models_2.py": LEAKY + "# other\n"}
    assert [population.model for population in kept.config.populations.values()] == [
        "models/my_models.py:Leaky", "models/my_models_2.py:Leaky", "models/my_models.py:Leaky", "izhikevich"
    ]  # fmt: skip
    assert kept.warnings == []
    assert [row["population"] for row in kept.record] == ["A", "B", "C"]


def test_ranks_with_different_files_are_refused(folder: Path) -> None:
    config = load_config_text(CONFIG)
    other = folder / "node"
    other.mkdir()
    (other / "my_models.py").write_text(LEAKY + "\n")

    def work(comm: Any) -> str:
        with pytest.raises(InputError) as caught:
            check_same_models(own_models(config, other if comm.rank == 1 else folder), comm)
        return str(caught.value)

    said = "populations.E.model: the file of the model on rank 1 is not that on rank 0 (give every node the same file)"
    assert run_ranks(2, work, node_count=2) == [said, said]


SCRIPT = (
    LEAKY
    + """

import dtbsim

print("started")
config = dtbsim.RunConfig(
    simulation=dtbsim.Simulation(duration_ms=50),
    populations={"E": dtbsim.Population(model=Leaky, size=30)},
    drives={"noise": dtbsim.PoissonDrive(kind="poisson", target="E", rate_hz=9000, weight_mV=1.0)},
)
print(dtbsim.run(config, out="run").spike_hash)
"""
)


def run_script(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder, as a user does."""
    (folder / "script.py").write_text(text)
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=os.environ | {"DTBSIM_MPI": "off"},
        capture_output=True,
        text=True,
    )


# -- from Python ---------------------------------------------------------------------------------------------------

THRESHOLD_MV = 15.0


def unused_helper() -> float:
    return THRESHOLD_MV


class Given(NeuronModel):
    name = "given"
    summary = "given as a class"
    parameters = (Parameter("threshold_mV", "mV", THRESHOLD_MV, "threshold"),)
    states = (State("v_mV", "mV", "potential"),)
    receptors = (Receptor("syn", "mV", "jump", channel=0),)

    @staticmethod
    def update(v_mV, in_syn, threshold_mV):  # type: ignore[no-untyped-def]
        v = 0.99 * v_mV + in_syn
        return 0.0 if v >= threshold_mV else v, v >= threshold_mV


class Scaled(Given):
    def __init__(self, threshold_mV: float = 15.0) -> None:
        self.parameters = (Parameter("threshold_mV", "mV", threshold_mV, "threshold"),)


def python_config(model: Any) -> dtbsim.RunConfig:
    return dtbsim.RunConfig(
        simulation=dtbsim.Simulation(duration_ms=50, threads=1),
        populations={"E": dtbsim.Population(model=model, size=30)},
        drives={"noise": dtbsim.PoissonDrive(kind="poisson", target="E", rate_hz=9000, weight_mV=1.0)},
    )


@pytest.mark.parametrize("model", [Given, Given(), Scaled])
def test_a_class_or_instance_from_python(model: Any, tmp_path: Path) -> None:
    config = python_config(model)
    result = dtbsim.run(config, out=tmp_path / "run")
    assert result.summary["spikes"] > 30
    name = "Scaled" if model is Scaled else "Given"
    kept = (tmp_path / "run" / "models" / f"{name}.py").read_text()
    assert "unused_helper" not in kept
    assert "pytest" not in kept
    assert "THRESHOLD_MV = 15.0" in kept
    assert f"model: models/{name}.py:{name}\n" in (tmp_path / "run" / "config.yaml").read_text()
    assert dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again").spike_hash == result.spike_hash
    with_overrides = dtbsim.run(config, out=tmp_path / "other", set=["seed=2"])
    assert with_overrides.spike_hash != result.spike_hash
    with pytest.raises(InputError, match=r"populations.E.model: the model is .* which cannot be written to a file"):
        dtbsim.dump_config(config)


def test_classes_of_dtbsim_are_kept_by_name() -> None:
    izhikevich = get_model("izhikevich")
    assert save(type(izhikevich), None, None) == save(izhikevich, None, None) == save("izhikevich", None, None)
    assert own_models(python_config(type(izhikevich)), None).config.populations["E"].model == "izhikevich"


def local_class() -> type[NeuronModel]:
    class Local(Given):
        pass

    return Local


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Scaled(17.0), "the class alone does not give the same model"),
        (local_class(), "is defined inside a function or class"),
    ],
)
def test_what_cannot_be_kept_is_said_and_the_run_goes_on(
    model: Any, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = dtbsim.run(python_config(model), out=tmp_path / "run")
    assert result.summary["spikes"] > 20
    warning = f"the run folder cannot repeat the run: populations.E.model: .*{reason}"
    assert any(re.search(warning, record.getMessage()) for record in caplog.records)
    with pytest.raises(InputError) as caught:
        dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again")
    assert reason in caught.value.message


def test_a_script_that_needs_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("unit = 'mV'\n")
    script = SCRIPT.replace("import numpy as np", "import numpy as np\nimport beside_it")
    script = script.replace('State("v_mV", "mV"', 'State("v_mV", beside_it.unit')
    done = run_script(script, tmp_path)
    assert done.returncode == 0, done.stderr
    kept = (tmp_path / "run" / "models" / "Leaky.py").read_text()
    assert "imports 'beside_it', which lies beside it" in kept
    with pytest.raises(InputError, match="which lies beside it and is not kept with a run"):
        dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again")


def test_two_instances_of_a_class_stay_two(tmp_path: Path) -> None:
    config = python_config(Scaled(15.0))
    config.populations["F"] = dtbsim.Population(model=Scaled(25.0), size=30)
    config.drives["noise"].target = ["E", "F"]
    spikes = dtbsim.run(config, out=tmp_path / "run").open().spike_steps("F")[0].size
    assert spikes < dtbsim.open_run(tmp_path / "run").spike_steps("E")[0].size


@pytest.mark.parametrize("model", [int, 3, object()])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match=r"^Population\.model: got .* \(allowed: a text\)$"):
        dtbsim.Population(model=model, size=3)


def test_a_class_that_only_looks_like_a_model_is_refused() -> None:
    class Lookalike:
        update = receptors = None

    with pytest.raises(InputError, match=r"populations.E.model: .*Lookalike'> is no neuron model"):
        dtbsim.validate(python_config(Lookalike))


def test_only_what_a_class_needs_is_kept() -> None:
    text = (
        "from __future__ import annotations\nimport os, numpy as np\nimport json\n\nprint('at import')\n"
        "A = 1\nB: int = A + 1\nC = print('assigned')\n\n\ndef used(x=B):\n    return np.abs(x)\n\n\n"
        "def idle():\n    return json\n\n\n@deco\nclass Base:\n    pass\n\n\ndef deco(c):\n    return c\n\n\n"
        "class K(Base):  # kept\n    y = used()\n\n\nK().run()\nif __name__ == '__main__':\n    K()\n"
    )
    expected = (
        "from __future__ import annotations\nimport os, numpy as np\n\n\nA = 1\n\n\nB: int = A + 1\n\n\n"
        "def used(x=B):\n    return np.abs(x)\n\n\n@deco\nclass Base:\n    pass\n\n\ndef deco(c):\n    return c\n\n\n"
        "class K(Base):  # kept\n    y = used()\n"
    )
    assert needed_text(text, "K") == expected


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    done = run_script(SCRIPT, tmp_path)
    assert done.returncode == 0, done.stderr
    started, spike_hash = done.stdout.split()
    assert started == "started"
    kept = (tmp_path / "run" / "models" / "Leaky.py").read_text()
    assert "dtbsim.run" not in kept
    assert dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again").spike_hash == spike_hash
