"""Wrong arguments of the Python interface are errors that name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.api_samples import config

import dtbsim
from dtbsim.errors import InputError


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
