from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from config_samples import BASE, assert_for_people, changed, line_of, write

import dtbsim.config
from dtbsim.config import load_config, load_config_data, load_config_text, load_located
from dtbsim.config.network import Population, TractDelay
from dtbsim.config.run import RunConfig, Simulation
from dtbsim.config.values import Normal, RegionMap
from dtbsim.errors import InputError


def load_error(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert_for_people(caught.value)
    return str(caught.value)


def test_sample_loads(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, BASE))
    assert config.simulation.duration_ms == 1000.0
    assert isinstance(config.simulation.duration_ms, float)
    assert config.populations["E"].parameters == {
        "tau_m_ms": Normal(distribution="normal", mean=10, sd=1),
        "x": RegionMap(map="t1", low=1, high=2),
    }
    assert config.projections["long"].delay_ms == TractDelay(tract_velocity_m_per_s=10)
    assert config.drives["bg"].target == ["E", "I"]


def test_text_and_data_give_the_same() -> None:
    data = {
        "simulation": {"duration_ms": 100},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 5, "parameters": {"tau_m_ms": 10}}},
    }
    text = "simulation: {duration_ms: 100}\npopulations: {E: {model: iaf_psc_exp, size: 5, parameters: {tau_m_ms: 10}}}"
    built = RunConfig(
        simulation=Simulation(duration_ms=100),
        populations={"E": Population(model="iaf_psc_exp", size=5, parameters={"tau_m_ms": 10.0})},
    )
    assert load_config_text(text) == load_config_data(data) == built


def test_data_is_not_changed() -> None:
    data = {"simulation": {"duration_ms": 100}, "populations": {"E": {"model": "m", "size": 5}}}
    config = load_config_data(data, ["populations.E.size=6"])
    assert config.populations["E"].size == 6
    assert data["populations"]["E"]["size"] == 5


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("1e3", 1000.0), ("+1.5E2", 150.0), (".5", 0.5), ("12", 12.0), ("1_000", 1000.0), ("0x10", 16.0)],
)
def test_numbers(text: str, value: float) -> None:
    sample = changed("duration_ms: 1000", f"duration_ms: {text}")
    config = load_config_text(sample, overrides=("bold=null", "simulation.dt_ms=0.001"))
    assert config.simulation.duration_ms == value


@pytest.mark.parametrize(("text", "value"), [("80", 80), ("1e3", 1000), ("80.0", 80), ("0o17", 15), ("012", 12)])
def test_whole_numbers(text: str, value: int) -> None:
    size = load_config_text(changed("size: 80", f"size: {text}")).populations["E"].size
    assert size == value
    assert type(size) is int


@pytest.mark.parametrize("text", ["NO", "yes", "on", "2024-01-01", "null2", "~a"])
def test_texts_stay_texts(text: str) -> None:
    config = load_config_text(changed("name: small", f"description: {text}"))
    assert config.description == text


def test_anchors_and_merge_keys() -> None:
    new = "I: &small {model: iaf_psc_exp, size: 20}\n  J: {<<: *small, size: 7}"
    text = changed("I: {model: iaf_psc_exp, size: 20}", new)
    config = load_config_text(text)
    assert config.populations["J"] == Population(model="iaf_psc_exp", size=7)


def test_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load_config(path) == load_config_text(BASE)


def test_missing_file_names_the_likely_one(tmp_path: Path) -> None:
    write(tmp_path, BASE, "resting.yaml")
    assert load_error(tmp_path / "restin.yaml") == (
        f"{tmp_path}/restin.yaml: no such file (did you mean {tmp_path}/resting.yaml?)"
    )


def test_missing_file(tmp_path: Path) -> None:
    assert load_error(tmp_path / "a.yaml") == f"{tmp_path}/a.yaml: no such file (give the path of a YAML file)"
    assert load_error(tmp_path / "no" / "a.yaml").endswith(f"no such file (there is no folder {tmp_path}/no)")


def test_directory(tmp_path: Path) -> None:
    assert load_error(tmp_path) == f"{tmp_path}: a folder, not a configuration file (give a YAML file)"
    write(tmp_path, BASE, "config.yaml")
    assert load_error(tmp_path).endswith(f"(did you mean {tmp_path}/config.yaml?)")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, BASE)

    def deny(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", deny)
    assert load_error(path) == f"{path}: cannot be read: Permission denied"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n"])
def test_empty_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert load_error(path) == f"{path}: the file is empty (it needs at least `simulation` and `populations`)"


@pytest.mark.parametrize(("text", "shown"), [("- 1\n", "[1]"), ("3\n", "3"), ("hello\n", "'hello'")])
def test_not_a_mapping(tmp_path: Path, text: str, shown: str) -> None:
    path = write(tmp_path, text)
    allowed = "(allowed: a mapping with keys such as simulation, populations)"
    assert load_error(path) == f"{path}:1: got {shown} {allowed}"


def test_undecodable_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, BASE.encode() + b"description: caf\xe9\n")
    line = BASE.count("\n") + 1
    assert load_error(path) == f"{path}:{line}: byte 0xe9 is not UTF-8 (save the file as UTF-8)"


SYNTAX = [
    (
        "  dt_ms: 0.1\n",
        "\tdt_ms: 0.1\n",
        "\tdt_ms",
        "a tab where YAML allows only spaces (column 1) (indent with spaces)",
    ),
    ("size: 80", "size: 80: 3", "size: 80: 3", "not valid YAML: mapping values are not allowed here"),
    ("[a, b]", "[a, b", "parameters:", "not valid YAML: while parsing a flow sequence"),
    ("name: small", "name: *other", "name: *", "not valid YAML: found undefined alias 'other'"),
    ("name: small", "name: !text small", "name: !text", "name: the tag !text is not known"),
    ("[a, b]", "!list [a, b]", "!list", "populations.E.regions: the tag !list is not known"),
    ("[a, b]", "&r [a, *r]", "&r [", "populations.E.regions.1: an alias contains itself"),
    ("name: small", "name: sm\x01all", "name: sm", "control character '\\x01' in the text"),
    ("atlas: aal2", "---\natlas: aal2", "---", "a second document starts here (---) (one document per file)"),
    ("  I: {", "  1: {", "  1: {", "populations: the key 1 is not a text (quote it: '1')"),
    ("  I: {", "  null: {", "  null: {", "populations: the key null is not a text (quote it: 'null')"),
    ("  I: {", "  [I]: {", "  [I]: {", "populations: the key a list or mapping is not a text"),
    ("name: small", "<<: 3", "<<: 3", "<< takes another mapping"),
]


@pytest.mark.parametrize(("old", "new", "at", "message"), SYNTAX)
def test_syntax(tmp_path: Path, old: str, new: str, at: str, message: str) -> None:
    text = changed(old, new)
    path = write(tmp_path, text)
    found = load_error(path)
    assert found.startswith(f"{path}:{line_of(text, at)}: {message}"), found


def test_duplicate_key(tmp_path: Path) -> None:
    path = write(tmp_path, changed("    size: 80\n", "    size: 80\n    model: x\n"))
    assert load_error(path) == f"{path}:15: populations.E.model: key 'model' is given twice; first at {path}:13"


def test_yaml_1_1_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "%YAML 1.1\n---\n" + BASE)
    assert load_error(path) == f"{path}: the %YAML directive asks for another version (allowed: 1.2)"


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 3000])
def test_deep_nesting_is_an_error(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert load_error(path) == f"{path}: nested too deeply"


def test_multiplying_aliases_end(tmp_path: Path) -> None:
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert "more than 200000 values" in load_error(write(tmp_path, "\n".join(rows)))


def test_endless_digits(tmp_path: Path) -> None:
    path = write(tmp_path, "seed: " + "9" * 5000)
    assert load_error(path) == f"{path}:1: seed: '{'9' * 40}' is no valid int"


def test_located_config_knows_every_place(tmp_path: Path) -> None:
    path = write(tmp_path, BASE)
    located = load_located(path, ["populations.E.size=81", "populations.E.parameters.y=1"])
    where = located.locator.where
    assert located.config.populations["E"].size == 81
    assert located.source_path == path
    assert located.base_dir == tmp_path
    assert where("populations.E.model") == f"{path}:13: populations.E.model"
    assert where(("record", "states", 0, "variables", 0)) == f"{path}:50: record.states.0.variables.0"
    assert where("record.states.0.interval_ms") == f"{path}:49: record.states.0.interval_ms", "the object around it"
    assert where("simulation.dt_ms") == f"{path}:5: simulation.dt_ms"
    assert where("seed") == f"{path}:1: seed"
    assert where("") == f"{path}:1"
    assert where("populations.E.size") == "--set populations.E.size"
    assert where("populations.E.parameters.y") == "--set populations.E.parameters.y"
    assert where("populations.E.parameters.x.map") == f"{path}:16: populations.E.parameters.x.map"
    assert pickle.loads(pickle.dumps(located)).locator.where("populations.E.model") == where("populations.E.model")


def test_defaults_are_not_shared() -> None:
    one, other = load_config_text(BASE), load_config_text(BASE)
    one.record.rate_bin_ms = 5
    one.analysis.fcd_step_s = 7
    one.populations["I"].parameters["x"] = 3.0
    assert other == load_config_text(BASE)


def test_numpy_numbers_are_numbers() -> None:
    config = RunConfig(
        simulation=Simulation(duration_ms=np.float32(8)), populations={"E": Population(model="m", size=np.int64(3))}
    )
    assert type(config.populations["E"].size) is int
    assert type(config.simulation.duration_ms) is float


def test_package_is_light_and_complete() -> None:
    code = (
        "import sys, dtbsim.config as c; heavy = {'pydantic', 'ruamel'} & {m.split('.')[0] for m in sys.modules}; "
        "assert not heavy, heavy; assert all(hasattr(c, name) for name in c.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(dtbsim.config.__all__) <= set(dir(dtbsim.config))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dtbsim.config.nothing  # noqa: B018
