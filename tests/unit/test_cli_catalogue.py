"""`dtbsim validate`, `atlas`, `models` and `schema`."""

from __future__ import annotations

import json
import os
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from cli_samples import CONFIG, Cli, is_one_error_line, write_config
from tests.helpers.own_model import LEAKY

from dtbsim.atlas import list_atlases, load_atlas
from dtbsim.config import json_schema
from dtbsim.config.controllers import INTERVENTIONS
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import EXIT_INPUT, EXIT_OK
from dtbsim.models import list_models, list_region_models
from dtbsim.models.connections import CONNECTION_RULES
from dtbsim.models.drives import DRIVES
from dtbsim.registry import Registry

BRAIN = """\
atlas: dk68
simulation: {duration_ms: 100}
populations:
  E: {model: iaf_psc_exp, size: 70, regions: left}
projections:
  EE:
    source: E
    target: E
    scope: same_region
    rule: {kind: fixed_indegree, indegree: 10}
    weight_pA: 40
    delay_ms: 1.5
"""


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


def lines_of(out: str) -> dict[str, str]:
    return {line[2:16].strip(): line[16:].strip() for line in out.splitlines()[1:]}


# -- validate -------------------------------------------------------------------------------------------------


def test_validate_prints_sizes_and_leaves_nothing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path)
    code, out, err = cli("validate", config, "--set", "simulation.duration_ms=2000")
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith(f"{config}: valid\n")
    shown = lines_of(out)
    assert shown["neurons"] == "100"
    assert shown["synapses"] == "200 expected (2 per neuron)"
    assert shown["populations"] == "2"
    assert shown["regions"] == "none"
    assert shown["duration"] == "2 s in 20,000 steps of 0.1 ms"
    assert shown["longest delay"] == "1 ms"
    assert "MB in one process (" in shown["memory"]
    assert os.listdir(tmp_path) == [config.name]  # noqa: PTH208


def test_validate_works_out_the_atlas(cli: Cli, tmp_path: Path) -> None:
    shown = lines_of(cli("validate", write_config(tmp_path, BRAIN)).out)
    assert shown["neurons"] == "2,380"
    assert shown["synapses"] == "23,800 expected (10 per neuron)"
    assert shown["populations"] == "34 (1 family in regions)"
    assert shown["regions"] == "34 of the atlas dk68"


def test_validate_warns_of_what_does_not_fit_here(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.estimation.estimate.available_bytes", lambda: 10_000_000)
    code, out, _ = cli("validate", write_config(tmp_path))
    assert code == EXIT_OK, "it may be meant for another machine"
    assert "more than the 10 MB free here" in lines_of(out)["memory"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("size: 80", "sise: 80", ":7: populations.E.sise: unknown key 'sise' (did you mean 'size'"),
        (
            "exp, size: 80",
            "ex, size: 80",
            ":7: populations.E.model: unknown model 'iaf_psc_ex' (did you mean 'iaf_psc_",
        ),
        ("name: two_populations", "atlas: dk86", ":1: atlas: unknown atlas 'dk86' (did you mean 'dk68'?"),
        ("delay_ms: 1\n", "delay_ms: 0.01\n", ":15: projections.EI.delay_ms: "),
    ],
)
def test_validate_locates_what_is_wrong(cli: Cli, tmp_path: Path, old: str, new: str, said: str) -> None:
    assert CONFIG.count(old) == 1
    config = write_config(tmp_path, CONFIG.replace(old, new))
    code, out, err = cli("validate", config)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err), err
    assert err.startswith(f"dtbsim: error: {config}{said}"), err


# -- atlas, models, schema ------------------------------------------------------------------------------------


def test_atlas_list_names_all_with_their_regions(cli: Cli) -> None:
    code, out, err = cli("atlas", "list")
    assert (code, err) == (EXIT_OK, "")
    header, *rows = out.splitlines()
    assert header.split()[:2] == ["name", "regions"]
    assert [row.split()[0] for row in rows] == list_atlases()
    assert rows[0].split()[1:3] == ["(default)", "80"]
    assert all(load_atlas(row.split()[0]).description in row for row in rows)


@pytest.mark.parametrize("name", list_atlases())
def test_atlas_show(cli: Cli, name: str) -> None:
    code, out, err = cli("atlas", "show", name)
    assert (code, err) == (EXIT_OK, "")
    atlas = load_atlas(name)
    assert out.startswith(f"{name}: {atlas.description}\n")
    shown = lines_of(out)
    assert shown["regions"].startswith(f"{atlas.n_regions}: ")
    assert shown["licence"] == " ".join(atlas.licence.split())
    assert shown["cite"] == " ".join(atlas.citation.split())
    assert "None" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_atlas_show_takes_a_path(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "regions.csv").write_text("name,x_mm,y_mm,z_mm\na,-1,0,0\nb,1,0,0\n")
    (tmp_path / "mine" / "weights.csv").write_text("0,1\n1,0\n")
    code, out, err = cli("atlas", "show", tmp_path / "mine")
    assert code == EXIT_OK, err
    assert lines_of(out)["regions"].startswith("2: ")
    assert lines_of(out)["tract lengths"] == "none: delays cannot come from tracts"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("atlas", "show", "dk86"), "unknown atlas 'dk86' (did you mean 'dk68'?"),
        (("atlas", "show", "./nowhere"), "there is no atlas nowhere"),
        (("models", "show", "izhikevic"), "unknown model 'izhikevic' (did you mean 'izhikevich'?"),
    ],
)
def test_unknown_names_suggest_one(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert said in err


def test_models_list(cli: Cli) -> None:
    code, out, err = cli("models", "list")
    assert (code, err) == (EXIT_OK, "")
    neurons, regions = out.split("\n\n")
    assert [row.split()[0] for row in neurons.splitlines()[1:]] == list_models()
    assert [row.split()[0] for row in regions.splitlines()[1:]] == list_region_models()


@pytest.mark.parametrize("name", list_models())
def test_models_show(cli: Cli, name: str) -> None:
    code, out, err = cli("models", "show", name)
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith(f"{name}: ")


def test_a_model_of_your_own(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(LEAKY)
    reference = f"{tmp_path}/m.py:Leaky"
    shown = cli("models", "show", reference).out
    assert shown.startswith("leaky: Leaky integrator with a threshold\n")
    code, out, err = cli("models", "check", reference)
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith("OK\n\nleaky: ")
    assert "tau_m_ms" in out
    code, out, err = cli("models", "check", reference, "--c")
    assert (code, err) == (EXIT_OK, "")
    assert "DTB_FN bool dtb_update(float &v_mV, float in_syn, float decay)" in out
    assert "OK" not in out.split()
    (tmp_path / "m.py").write_text(LEAKY.replace("v >= 15.0", "v >= 15.0 > v"))
    code, out, err = cli("models", "check", reference)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert "m.py:20: chained comparisons are not allowed (write `a < b and b < c`)" in err


@pytest.mark.parametrize("name", list_models())
def test_built_in_models_pass_the_check(cli: Cli, name: str) -> None:
    code, out, err = cli("models", "check", name)
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith(f"OK\n\n{name}: ")


def test_a_model_is_shown_with_its_picture(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = cli("models", "show", "iaf_psc_exp")
    _, plain, _ = cli("models", "show", "iaf_psc_exp", "--no-picture")
    assert out.startswith(plain)
    picture = out.removeprefix(plain).splitlines()
    assert picture[1] == "rate against a constant current, defaults, dt 0.1 ms"
    assert picture[2] == "  spikes in 1 s"
    assert len(picture) == 17
    assert picture[-1].split() == ["0", "I_stim", "(pA)", "1000"]
    assert any("\u2800" < character <= "\u28ff" for character in out)
    assert all(line == line.rstrip() for line in picture)
    monkeypatch.setattr("dtbsim.cli.catalogue.can_show", lambda text: False)
    assert cli("models", "show", "iaf_psc_exp").out.isascii()


def test_a_model_without_picture_says_why_or_has_none(cli: Cli, tmp_path: Path) -> None:
    assert cli("models", "show", "spike_source").out == cli("models", "show", "spike_source", "--no-picture").out
    refusing = "\n    def check_together(self, p, dt_ms):\n        raise InputError('never', remedy='nothing')\n"
    (tmp_path / "m.py").write_text("from dtbsim import InputError\n" + LEAKY + refusing)
    code, out, _ = cli("models", "show", f"{tmp_path}/m.py:Leaky")
    assert code == EXIT_OK
    assert out.endswith("\nno picture: never (nothing)\n")


def test_schema_is_that_of_the_configuration(cli: Cli) -> None:
    code, out, err = cli("schema")
    assert (code, err) == (EXIT_OK, "")
    assert json.loads(out) == json_schema()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("show", "deco_2014"), "I_E = W_E I_0 + w_plus J_N S_E"),
        (("check", "epileptor"), "OK"),
        (("check", "hopf", "--c"), "DTB_ENTRY kernel("),
    ],
)
def test_region_models_are_shown_and_checked(cli: Cli, command: tuple[str, ...], said: str) -> None:
    code, out, err = cli("models", *command)
    assert (code, err) == (EXIT_OK, "")
    assert said in out


# -- kinds ----------------------------------------------------------------------------------------------------


def test_kinds_names_all_that_is_registered(cli: Cli) -> None:
    code, out, err = cli("kinds")
    assert (code, err) == (EXIT_OK, "")
    for registry in Registry.known.values():
        named = {line.split()[0] for line in out.splitlines() if line}
        assert named >= set(registry.names()), registry.group


def test_kinds_of_one_sort_and_one_of_them(cli: Cli) -> None:
    code, out, _ = cli("kinds", "drives")
    first, header, *rows = out.splitlines()
    assert (code, first, header.split()[0]) == (EXIT_OK, "drives: drives.NAME", "drive")
    assert [row.split()[0] for row in rows] == DRIVES.names()
    for sort, name in [
        ("drives", "gamma"),
        ("rules", "explicit"),
        ("controllers", "synaptic_scaling"),
        ("signals", "eeg"),
    ]:
        code, out, _ = cli("kinds", sort, name)
        registry: Any = {"drives": DRIVES, "rules": CONNECTION_RULES, "controllers": INTERVENTIONS, "signals": SIGNALS}[
            sort
        ]
        shown = [line.split()[0] for line in out.splitlines()[4:]]
        assert (code, shown) == (EXIT_OK, [*registry.find(name).config.model_fields])
    for sort, name in [("signals", "spikes"), ("partitioners", "ordered"), ("neurons", "qif"), ("synapses", "stdp")]:
        code, out, err = cli("kinds", sort, name)
        assert (code, err) == (EXIT_OK, "")
        assert name in out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("drivs",), "no sort of kinds 'drivs' (did you mean 'drives'?"),
        (("drives", "gama"), "unknown drive 'gama' (did you mean 'gamma'?"),
        (("neurons", "gif"), "gif"),
    ],
)
def test_kinds_that_are_not_there(cli: Cli, given: tuple[str, ...], said: str) -> None:
    code, out, err = cli("kinds", *given)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert said in err


def test_a_package_that_is_broken_does_not_hide_the_others(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("shot_noise", "no_such_module:Shot", "dtbsim.drives")
    monkeypatch.setitem(DRIVES._entry_points, "shot_noise", (broken,))
    code, out, _ = cli("kinds", "drives")
    assert code == EXIT_OK
    (line,) = [line for line in out.splitlines() if line.startswith("shot_noise")]
    assert "cannot be used: ModuleNotFoundError" in line
    assert "white_noise" in out
