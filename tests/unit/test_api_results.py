"""Where results go (new, replaced, temporary folders), and what is seen of them in a notebook."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import dtbsim
from dtbsim.errors import InputError
from dtbsim.run_folder.replace import check_replaceable, set_aside
from dtbsim.simulate.temporary import TemporaryFolder, temporary_folder


def config(**changed: Any) -> dtbsim.RunConfig:
    return dtbsim.RunConfig(
        name="small",
        simulation=dtbsim.Simulation(dt_ms=0.5, duration_ms=20, threads=1),
        populations={"E": dtbsim.Population(model="iaf_psc_exp", size=20, parameters={"I_e_pA": 1000})},
        **changed,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return dtbsim.run(config(), out=tmp_path / "run").run_dir


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# -- folders that are replaced -------------------------------------------------------------------------------------


def test_a_run_is_replaced_only_where_it_is_wanted(folder: Path) -> None:
    first = dtbsim.open_run(folder).spike_hash().digest
    kept = snapshot(folder)
    with pytest.raises(InputError, match="the run folder exists and is not empty"):
        dtbsim.run(config(seed=2), out=folder)
    assert snapshot(folder) == kept
    result = dtbsim.run(config(seed=2), out=folder, overwrite=True, set={"populations.E.size": 30})
    assert result.run_dir == folder
    assert result.open().network["n_neurons"] == 30
    assert result.open().spike_hash().digest != first
    assert [entry.name for entry in folder.parent.iterdir()] == ["run"], "nothing is left of the first"


def test_a_new_or_empty_folder_may_be_overwritten_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "deep/new"):
        assert dtbsim.run(config(), out=tmp_path / name, overwrite=True).summary["spikes"] > 0


def test_a_link_to_a_run_folder_stays_a_link(folder: Path) -> None:
    link = folder.with_name("link")
    link.symlink_to("run")
    dtbsim.run(config(seed=3), out=link, overwrite=True)
    assert link.is_symlink()
    assert dtbsim.open_run(link).config["seed"] == 3


def test_a_wrong_configuration_replaces_nothing(folder: Path) -> None:
    kept = snapshot(folder)
    with pytest.raises(InputError, match="unknown model"):
        dtbsim.run(config(), out=folder, overwrite=True, set={"populations.E.model": "lif"})
    assert snapshot(folder) == kept


def foreign_file(folder: Path) -> None:
    (folder / "thesis.tex").write_text("years of work")


def hidden_file(folder: Path) -> None:
    (folder / ".git").mkdir()


def no_log(folder: Path) -> None:
    (folder / "log.txt").unlink()


def another_log(folder: Path) -> None:
    (folder / "log.txt").write_text("dear diary\n")


def no_config(folder: Path) -> None:
    (folder / "config.yaml").unlink()


def pipe_for_log(folder: Path) -> None:
    (folder / "log.txt").unlink()
    os.mkfifo(folder / "log.txt")


REFUSED = {
    foreign_file: r"it holds what no run wrote \(thesis\.tex\)",
    hidden_file: r"it holds what no run wrote \(\.git\)",
    no_log: "this is not the folder of a run",
    another_log: "this is not the folder of a run",
    no_config: "this is not the folder of a run",
    pipe_for_log: "this is not the folder of a run",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_what_is_no_run_folder_is_never_destroyed(folder: Path, change: Any) -> None:
    change(folder)
    kept = {name: data for name, data in snapshot(folder).items() if name != "log.txt"}
    with pytest.raises(InputError, match=REFUSED[change]):
        dtbsim.run(config(), out=folder, overwrite=True)
    assert {name: data for name, data in snapshot(folder).items() if name != "log.txt"} == kept


@pytest.mark.parametrize("what", ["home", "file"])
def test_other_folders_and_files_are_never_destroyed(tmp_path: Path, what: str) -> None:
    target = tmp_path / "precious"
    if what == "file":
        target.write_text("x")
    else:
        (target / "config.yaml").parent.mkdir()
        (target / "config.yaml").write_text("simulation: {duration_ms: 1}")
        (target / "stores").mkdir()
    with pytest.raises(InputError, match=r"not the folder of a run|this is not a folder"):
        dtbsim.run(config(), out=target, overwrite=True)
    assert target.exists()


def test_a_run_that_goes_on_is_not_replaced(folder: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom dtbsim.runtime.status import StatusFile\n"
        "StatusFile(Path(sys.argv[1])).stage('simulate')\nprint('up', flush=True)\ntime.sleep(60)"
    )
    for name in ("summary.json", "status.json"):
        (folder / name).unlink()
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InputError, match="the run in this folder goes on"):
            dtbsim.run(config(), out=folder, overwrite=True)
        other.kill()
        other.wait()
    assert check_replaceable(folder), "one that was killed is"


def test_what_was_set_aside_comes_back_where_the_new_run_cannot_begin(folder: Path) -> None:
    kept = snapshot(folder)

    def fail() -> None:
        with set_aside(folder):
            assert not folder.exists()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert snapshot(folder) == kept


def test_of_several_that_replace_a_run_each_is_whole(folder: Path) -> None:
    program = (
        "import sys, dtbsim\nconfig = dtbsim.load_config(sys.argv[1], {'seed': int(sys.argv[3])})\n"
        "try:\n    dtbsim.run(config, out=sys.argv[2], overwrite=True)\n    print('done')\n"
        "except dtbsim.DtbsimError as error:\n    print(error)"
    )
    source = folder.with_name("net.yaml")
    source.write_text(dtbsim.dump_config(config()))

    def start(seed: int) -> str:
        command = [sys.executable, "-c", program, str(source), str(folder), str(seed)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with ThreadPoolExecutor() as pool:
        said = list(pool.map(start, range(4)))
    assert "done" in said
    for line in said:
        assert line == "done" or str(folder) in line
    run = dtbsim.open_run(folder)
    assert run.spike_hash().agrees
    assert sorted(entry.name for entry in folder.parent.iterdir()) == ["net.yaml", "run"]


# -- results without a folder --------------------------------------------------------------------------------------


def test_temporary_results_last_as_long_as_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = dtbsim.run(config(), temporary=True)
    folder = result.run_dir
    assert folder.is_relative_to(tmp_path)
    assert "temporary folder" in repr(result)
    run = result.open()
    time_ms, neuron = run.spikes("E")
    assert len(time_ms) == result.summary["spikes"] > 0
    del result
    gc.collect()
    assert len(run.rates()) > 0, "what was opened keeps the folder"
    del run
    gc.collect()
    assert list(tmp_path.iterdir()) == [], "no runs/ either"
    assert len(neuron) > 0


def test_a_failed_run_leaves_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InputError, match="unknown model"):
        dtbsim.run(config(), temporary=True, set={"populations.E.model": "x"})
    monkeypatch.setattr("dtbsim.simulate.conductor.summarise_run", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dtbsim.run(config(), temporary=True)
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_goes_at_the_end_of_the_process(tmp_path: Path) -> None:
    program = (
        "import os, dtbsim\nfrom dtbsim.simulate.temporary import temporary_folder\nfrom dtbsim.mpi import SerialComm\n"
        "kept = temporary_folder(SerialComm(), 'x')\nkept.path.mkdir()\n"
        "child = os.fork()\nif child == 0:\n    raise SystemExit\nos.waitpid(child, 0)\n"
        "print(kept.path.exists())"
    )
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n", "not with a process that was forked from it"
    assert list(tmp_path.iterdir()) == []


def test_ranks_of_several_nodes_share_no_temporary_folder() -> None:
    from dtbsim.mpi import SerialComm

    class TwoNodes(SerialComm):
        node_count = 2

    with pytest.raises(InputError, match=r"^temporary: the ranks are on 2 nodes, which share no temporary folder"):
        temporary_folder(TwoNodes(), "x")
    not_mine = TemporaryFolder(Path("/nowhere"), "x", owned=False)
    not_mine.remove()


# -- arguments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"source": None}, "source: got null (allowed: a RunConfig, a mapping, or the path of a configuration file)"),
        ({"source": 3}, "source: got 3 (allowed: a RunConfig"),
        ({"source": b"net.yaml"}, "source: got b'net.yaml' (allowed: a RunConfig"),
        ({"source": ["net.yaml"]}, "source: got ['net.yaml'] (allowed: a RunConfig"),
        ({"source": dtbsim.RunConfig}, "source: got a "),
        ({"source": ""}, "source: got '' (allowed: the path of a file or folder"),
        ({"source": "a\0b"}, "source: the path 'a\\x00b' holds a NUL character"),
        ({"source": "x" * 5000}, "source: the path 'xxx"),
        ({"source": "\ud800"}, "source: the path '\\ud800' holds a character that no file name has"),
        ({"source": {}}, "simulation: missing"),
        ({"source": {3: 4}}, "3: the key 3 is not a text"),
        ({"set": 3}, "set: got 3 (allowed: texts KEY.PATH=VALUE, or a mapping {'key.path': value})"),
        ({"set": [3]}, "set: got [3] (allowed: texts"),
        ({"set": None}, "set: got null (allowed: texts"),
        ({"set": {"seed": float("nan")}}, "--set seed: got .nan (allowed: a whole number"),
    ],
)
def test_wrong_arguments_are_told_by_name(tmp_path: Path, arguments: dict[str, Any], told: str) -> None:
    given = {"source": config(), "set": (), **arguments}
    source = given.pop("source")
    for call in (dtbsim.validate, lambda source, set: dtbsim.run(source, set=set, out=tmp_path / "run")):
        with pytest.raises(InputError) as caught:
            call(source, set=given["set"])  # type: ignore[operator]
        assert str(caught.value).startswith(told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"out": 3}, "out: got 3 (allowed: the path of a file or folder, a text or pathlib.Path)"),
        ({"out": b"run"}, "out: got b'run' (allowed: the path"),
        ({"out": "a\0"}, "out: the path 'a\\x00' holds a NUL character"),
        ({"out": "x" * 300}, "out: the path 'xxx"),
        ({"overwrite": 1}, "overwrite: got 1 (allowed: True or False)"),
        ({"overwrite": True}, "overwrite: there is no folder to overwrite (name it: out=FOLDER)"),
        ({"temporary": "yes"}, "temporary: got 'yes' (allowed: True or False)"),
        ({"temporary": True, "out": "x"}, "out: out and temporary are both given (leave one of them out)"),
        ({"progress": None}, "progress: got null (allowed: True or False)"),
        ({"report": 2}, "report: got 2 (allowed: True or False)"),
        ({"comm": 3}, "comm: got 3 (allowed: the ranks of dtbsim.mpi, such as dtbsim.mpi.world_comm())"),
    ],
)
def test_wrong_arguments_of_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        dtbsim.run(config(), **arguments)
    assert str(caught.value).startswith(told)
    assert list(tmp_path.iterdir()) == []


NO_PATH = "(allowed: the path of a file or folder, a text or pathlib.Path)"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: dtbsim.open_run(None), f"path: got null {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.open_run(3), f"path: got 3 {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.hash_run(b"x"), f"path: got b'x' {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.write_report(None), f"run_dir: got null {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.load_config(3), f"path: got 3 {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.load_config("x", 3), "set: got 3"),  # type: ignore[arg-type]
        (lambda: dtbsim.load_atlas(None), f"name_or_path: got null {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.load_atlas("dk68", base_dir=3), f"base_dir: got 3 {NO_PATH}"),  # type: ignore[arg-type]
        (lambda: dtbsim.dump_config({}), "config: got {} (allowed: a RunConfig"),  # type: ignore[arg-type]
        (lambda: dtbsim.dump_config("net.yaml"), "config: got 'net.yaml' (allowed: a RunConfig"),  # type: ignore[arg-type]
        (lambda: dtbsim.get_model(3), "name: got 3 (allowed: a text)"),  # type: ignore[arg-type]
        (lambda: dtbsim.get_model(["iaf_psc_exp"]), "name: got ['iaf_psc_exp'] (allowed: a text)"),  # type: ignore[arg-type]
        (lambda: dtbsim.get_model("glif1_psc", [2]), "receptors: got [2] (allowed: a mapping of names of ports"),  # type: ignore[arg-type]
        (lambda: dtbsim.get_model("glif1_psc", {"a": "2"}), "receptors['a']: got '2' (allowed: a number)"),  # type: ignore[dict-item]
    ],
)
def test_wrong_arguments_of_other_functions(
    call: Any, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("simulation: {duration_ms: 1}\npopulations: {E: {model: m, size: 1}}")
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda atlas: atlas.index(3), "name: got 3 (allowed: a text)"),
        (lambda atlas: atlas.select(3), "regions: got 3 (allowed: all, left, right, or a list of names)"),
        (lambda atlas: atlas.select([3]), "regions: got [3] (allowed: all, left, right, or a list of names)"),
        (lambda atlas: atlas.select(b"all"), "regions: got b'all'"),
        (lambda atlas: atlas.map(None), "name: got null (allowed: a text)"),
        (lambda atlas: atlas.empirical_fc(["x"]), "name: got ['x'] (allowed: a text)"),
        (lambda atlas: atlas.incoming("x"), "region: got 'x' (allowed: the index of a region from 0 to 67)"),
        (lambda atlas: atlas.incoming(68), "region: got 68 (allowed: the index of a region from 0 to 67)"),
        (lambda atlas: atlas.incoming(True), "region: got true"),
        (lambda atlas: atlas.subset("left"), "regions: got 'left' (allowed: a list of up to 68 region indices"),
        (lambda atlas: atlas.subset([[1], [2, 3]]), "regions: got [[1], [2, 3]] (allowed: a list of"),
        (lambda atlas: atlas.subset([0, 1], name=3), "name: got 3 (allowed: a text)"),
    ],
)
def test_wrong_arguments_of_an_atlas(call: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        call(dtbsim.load_atlas("dk68"))
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": 3}, "name: got 3 (allowed: a text)"),
        ({"region_names": 3}, "region_names: got 3 (allowed: a list of texts)"),
        ({"region_names": "ab"}, "region_names: got 'ab' (allowed: a list of texts)"),
        ({"region_names": (1, 2)}, "region_names: got [1, 2] (allowed: a list of texts)"),
        ({"hemisphere": {"L"}}, "hemisphere: got a set of 1 (allowed: a list of texts)"),
        ({"maps": [1]}, "maps: got [1] (allowed: a mapping of names)"),
        ({"maps": {3: [1, 2]}}, "maps: got {3: [1, 2]} (allowed: a mapping of names)"),
        ({"labels": {"a": 3}}, "labels['a']: got 3 (allowed: a list of texts)"),
        ({"fc_tr_s": "2"}, "fc_tr_s: got '2' (allowed: a number above 0)"),
        ({"fcd": 3}, "fcd: got 3 (allowed: an FcdReference)"),
        ({"notes": None}, "notes: got null (allowed: a text)"),
        ({"notes": "a\0"}, "notes: \\u0000 in the text"),
        ({"weights": None}, "atlas x: weights holds object values"),
        ({"weights": [[0, 1], [1]]}, "atlas x: weights is no array of numbers"),
        ({"weights": "abc"}, "atlas x: weights holds"),
        ({"xyz_mm": object()}, "atlas x: xyz_mm holds object values"),
    ],
)
def test_wrong_types_of_an_atlas(changed: dict[str, Any], told: str) -> None:
    from dtbsim.atlas import Atlas

    given: dict[str, Any] = {
        "name": "x",
        "region_names": ("a", "b"),
        "xyz_mm": [[0, 0, 0], [1, 1, 1]],
        "weights": [[0, 1], [1, 0]],
    }
    assert Atlas(**given).n_regions == 2
    with pytest.raises(InputError) as caught:
        Atlas(**(given | changed))
    assert str(caught.value).startswith(told)


def test_objects_that_were_changed_past_their_checks_are_checked_again(tmp_path: Path) -> None:
    changed = config()
    changed.populations["E"] = 3  # type: ignore[assignment]
    changed.populations[4] = config().populations["E"]  # type: ignore[index]
    for call in (dtbsim.validate, dtbsim.run):
        with pytest.raises(InputError) as caught:
            call(changed)
        assert [str(mistake).partition(" (")[0] for mistake in caught.value.mistakes] == [
            "populations.E: got 3",
            "populations.4: bad name 4",
        ]
    del changed.populations[4]  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^populations\.E: got 3"):
        dtbsim.validate(changed)


# -- what is seen --------------------------------------------------------------------------------------------------


def test_reprs_are_short_and_html_is_escaped(folder: Path) -> None:
    run = dtbsim.open_run(folder)
    network = dtbsim.validate(config(description="<b>"))
    atlas = dtbsim.load_atlas("dk68")
    result = dtbsim.run(config(), temporary=True)
    assert repr(run) == f"Run({str(folder)!r})"
    assert repr(network) == "<Network small: 20 neurons in 1 populations, 0 projections, 40 steps of 0.5 ms>"
    assert repr(atlas) == "<Atlas dk68: 68 regions, 4,164 connections>" or repr(atlas).startswith("<Atlas dk68: 68 ")
    assert repr(result) == f"<RunResult small: {result.summary['spikes']:,} spikes in temporary folder>"
    assert repr(config()).startswith(
        "RunConfig(name='small', simulation=Simulation(dt_ms=0.5, duration_ms=20, threads=1)"
    )
    for shown in (run, network, atlas, result, config(description="<script>")):
        html = shown._repr_html_()
        assert len(repr(shown)) < 400
        assert html.count("<table>") == html.count("</table>") > 0
        assert "<script>" not in html
    assert "iaf_psc_exp" in run._repr_html_()
    (folder / "network.json").write_text("{}")
    assert "problem" in dtbsim.open_run(folder)._repr_html_(), "a damaged run is shown as one"


def test_notebooks_show_errors_in_lines() -> None:
    with pytest.raises(InputError) as caught:
        dtbsim.Simulation(duration_ms=-1, dt_ms=0)
    lines = caught.value._render_traceback_()
    assert lines == [
        "MultipleInputError: Simulation.dt_ms: got 0 " + lines[0].partition("got 0 ")[2],
        "MultipleInputError: Simulation.duration_ms: got -1 " + lines[1].partition("got -1 ")[2],
    ]
