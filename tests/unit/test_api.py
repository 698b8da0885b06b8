"""`import dtbsim`: runs from objects, mappings and files, and names that are loaded when they are first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import InputError
from dtbsim.mpi import SerialComm
from dtbsim.simulate import RunResult

CONFIG = """\
name: three_ways
seed: 11
simulation: {dt_ms: 0.5, duration_ms: 60, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 40, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
  I: {model: iaf_psc_exp, size: 20, parameters: {tau_m_ms: 8}}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 80, delay_ms: 1}
  IE:
    source: I
    target: E
    rule: {kind: pairwise_bernoulli, probability: 0.2}
    weight_pA: {distribution: normal, mean: -90, sd: 9}
    delay_ms: 1.5
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
record: {spikes: {populations: [E]}, rate_bin_ms: 5}
"""


def objects() -> dtbsim.RunConfig:
    """The same configuration, built in Python."""
    initial: Any = {"V_m_mV": dtbsim.Uniform(distribution="uniform", low=-70, high=-56)}
    return dtbsim.RunConfig(
        name="three_ways",
        seed=11,
        simulation=dtbsim.Simulation(dt_ms=0.5, duration_ms=60, threads=1),
        populations={
            "E": dtbsim.Population(model="iaf_psc_exp", size=40, initial=initial),
            "I": dtbsim.Population(model="iaf_psc_exp", size=20, parameters={"tau_m_ms": 8}),
        },
        projections={
            "EI": dtbsim.Projection(
                source="E",
                target="I",
                rule=dtbsim.FixedIndegree(kind="fixed_indegree", indegree=10),
                weight_pA=80,
                delay_ms=1,
            ),
            "IE": dtbsim.Projection(
                source="I",
                target="E",
                rule=dtbsim.PairwiseBernoulli(kind="pairwise_bernoulli", probability=0.2),
                weight_pA=dtbsim.Normal(distribution="normal", mean=-90, sd=9),
                delay_ms=1.5,
            ),
        },
        drives={"background": dtbsim.PoissonDrive(kind="poisson", target=["E", "I"], rate_hz=8000, weight_pA=60)},
        record=dtbsim.Record(spikes=dtbsim.RecordSpikes(populations=["E"]), rate_bin_ms=5),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "net.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def mapping() -> dict[str, Any]:
    data, _ = parse_yaml(CONFIG, "here")
    assert isinstance(data, dict)
    return data


# -- run -----------------------------------------------------------------------------------------------------------


def test_objects_a_mapping_and_a_path_are_the_same_run(path: Path, tmp_path: Path) -> None:
    sources: dict[str, Any] = {"path": path, "text": str(path), "mapping": mapping(), "objects": objects()}
    results = {name: dtbsim.run(source, out=tmp_path / name) for name, source in sources.items()}
    assert all(isinstance(result, RunResult) for result in results.values())
    assert results["path"].summary["spikes"] > 100
    assert {result.spike_hash for result in results.values()} == {results["path"].spike_hash}
    configs = {(tmp_path / name / "config.yaml").read_text() for name in sources}
    assert len(configs) == 1, "and leave the same configuration"


def test_the_result_opens_what_was_recorded(path: Path, tmp_path: Path) -> None:
    result = dtbsim.run(path, out=str(tmp_path / "run"))
    assert result.run_dir == tmp_path / "run"
    assert not result.interrupted
    assert result.report is None
    assert not (tmp_path / "run/report.html").exists(), "unless it is asked for"
    run = result.open()
    assert isinstance(run, dtbsim.Run)
    assert len(run.spike_steps("I")[0]) == 0
    assert 0 < len(run.spike_steps()[0]) < result.summary["spikes"]
    assert dtbsim.hash_run(tmp_path / "run").digest == result.spike_hash


@pytest.mark.parametrize("kind", ["path", "mapping", "objects"])
def test_overrides_change_the_run(path: Path, tmp_path: Path, kind: str) -> None:
    sources: dict[str, Any] = {"path": path, "mapping": mapping(), "objects": objects()}
    source = sources[kind]
    plain = dtbsim.run(source, out=tmp_path / "plain")
    other = dtbsim.run(source, out=tmp_path / "other", set=["seed=12", "simulation.duration_ms=30"])
    assert other.spike_hash != plain.spike_hash
    assert other.open().config["seed"] == 12
    assert other.summary["biological_s"] == pytest.approx(0.03)
    again = dtbsim.run(source, out=tmp_path / "again", set=["seed=11"])
    assert again.spike_hash == plain.spike_hash, "the source itself is not changed"


def test_a_communicator_may_be_given(path: Path, tmp_path: Path) -> None:
    comm = SerialComm()
    assert dtbsim.run(path, out=tmp_path / "run", comm=comm).summary["ranks"] == 1


def test_progress_is_silent_unless_it_is_asked_for(
    path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dtbsim.run(path, out=tmp_path / "quiet")
    assert capfd.readouterr() == ("", "")
    dtbsim.run(path, out=tmp_path / "loud", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.split("] ")[1] for line in err.splitlines() if line.endswith("...")] == [
        "network ...", "compile ...", "build ...", "compile ...", "simulate ..."
    ]  # fmt: skip


def test_the_report_is_written_when_it_is_asked_for(path: Path, tmp_path: Path) -> None:
    result = dtbsim.run(path, out=tmp_path / "run", report=True)
    assert result.report == tmp_path / "run/report.html"
    assert result.report is not None
    assert result.report.stat().st_size > 10_000


def test_relative_paths_start_at_the_file_or_at_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    save_small_atlas(folder)
    population = "E: {model: iaf_psc_exp, size: 2, regions: all}"
    text = f"{{atlas: small.npz, simulation: {{duration_ms: 1}}, populations: {{{population}}}}}"
    (folder / "net.yaml").write_text(text, encoding="utf-8")
    data, _ = parse_yaml(text, "here")
    monkeypatch.chdir(tmp_path)
    assert dtbsim.validate("deep/net.yaml").n_neurons == 10
    with pytest.raises(InputError, match=r"small\.npz"):
        dtbsim.validate(data)  # type: ignore[arg-type]
    monkeypatch.chdir(folder)
    assert dtbsim.validate(data).n_neurons == 10  # type: ignore[arg-type]


# -- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes_are_told_with_their_place(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path.write_text(CONFIG.replace("size: 40", "size: 40, regoins: all"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        dtbsim.run(path, out=tmp_path / "run")
    assert str(caught.value).startswith(f"{path}:5: populations.E.regoins: unknown key 'regoins'")
    data = mapping()
    data["populations"]["E"]["regoins"] = "all"
    with pytest.raises(InputError, match=r"^populations\.E\.regoins: unknown key 'regoins'"):
        dtbsim.run(data, out=tmp_path / "run")
    config = objects()
    config.projections["EI"] = config.projections["EI"].model_copy(update={"source": "F"})
    for check in (dtbsim.run, dtbsim.validate):
        with pytest.raises(InputError, match=r"^projections\.EI\.source: no population 'F'"):
            check(config)
    with pytest.raises(InputError, match=r"--set simulation\.duration_mss"):
        dtbsim.run(path, set=["simulation.duration_mss=1"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.yaml"]


def test_validate_returns_the_network_and_writes_nothing(path: Path, tmp_path: Path) -> None:
    network = dtbsim.validate(path, set=["populations.E.size=50"])
    assert (network.n_neurons, network.n_steps) == (70, 120)
    assert network.population_names() == ["E", "I"]
    np.testing.assert_array_equal(network.gid_starts, [0, 50, 70])
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.yaml"]


# -- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", dtbsim.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    found = getattr(dtbsim, name)
    assert callable(found)
    assert found.__name__.rpartition(".")[2] == name, "`build` is a package that can be called"
    assert found.__doc__


def test_all_names_are_promised_and_listed() -> None:
    assert set(dtbsim.__all__) == set(dtbsim._HOME)
    assert len(dtbsim.__all__) == len(set(dtbsim.__all__))
    assert set(dtbsim.__all__) <= set(dir(dtbsim))
    assert dtbsim.__version__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dtbsim' has no attribute 'runn'"):
        dtbsim.runn  # noqa: B018
    with pytest.raises(ImportError):
        exec("from dtbsim import runn")


def loaded_by(statement: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after the statement, beyond those of its own start."""
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


_SCIENCE = {"h5py", "llvmlite", "numba", "numpy", "pandas", "scipy", "xarray", "zarr"}
HEAVY = _SCIENCE | {"mpi4py", "plotly", "pydantic", "ruamel"}
"""Whatever takes longer to import than the rest together."""


def test_import_loads_nothing_heavy() -> None:
    modules = loaded_by("import dtbsim; dir(dtbsim); dtbsim.__version__")
    assert "dtbsim" in modules
    assert not HEAVY & modules
    assert {name for name in modules if name.startswith("dtbsim.")} == {"dtbsim.version"}


def test_names_load_what_they_need_and_no_more() -> None:
    modules = loaded_by("from dtbsim import InputError, RunConfig, load_config")
    assert "pydantic" in modules
    assert not (HEAVY - {"pydantic", "ruamel"}) & modules
    assert not {"plotly", "mpi4py"} & loaded_by("from dtbsim import run, open_run, validate")
