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
from tests.unit.api_samples import config

import dtbsim
from dtbsim.errors import InputError
from dtbsim.run_folder.replace import check_replaceable, set_aside
from dtbsim.simulate.temporary import TemporaryFolder, temporary_folder


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
