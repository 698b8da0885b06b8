"""Registries: what is built in, what packages add, and what is wrong with packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.config_samples import assert_for_people

from dtbsim.config import load_config_data
from dtbsim.errors import InputError
from dtbsim.partition import PARTITIONERS, ContiguousPartitioner
from dtbsim.registry import Registry

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make packages importable that have entry points of the group dtbsim.things."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(package: str, points: dict[str, str], code: str = "", version: str = "1.0") -> None:
        (tmp_path / f"{package}.py").write_text(code)
        monkeypatch.delitem(sys.modules, package, raising=False)
        info = tmp_path / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[dtbsim.things]", *lines, ""]))

    return make


def a_number(name: str, value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("needs to be a whole number")
    return value


def things() -> Registry[int]:
    return Registry("dtbsim.things", "thing", {"one": 1, "two": 2}, a_number)


def failed(made: Registry[int], name: str) -> str:
    with pytest.raises(InputError) as caught:
        made.find(name, "config.yaml:3: thing")
    assert_for_people(caught.value)
    assert caught.value.where == "config.yaml:3: thing"
    return str(caught.value)


def test_what_is_built_in_comes_first(install: Install) -> None:
    install("pack_a", {"zero": "pack_a:ZERO", "four": "pack_a:FOUR"}, "ZERO, FOUR = 0, 4")
    made = things()
    assert made.names() == ["one", "two", "four", "zero"]
    assert [made.find(name) for name in made.names()] == [1, 2, 4, 0]
    assert made.usable() == {"one": 1, "two": 2, "four": 4, "zero": 0}
    assert (made.origin("one"), made.origin("four"), made.problems()) == (None, "pack_a 1.0", [])


def test_nothing_is_imported_before_it_is_asked_for(install: Install) -> None:
    install("pack_b", {"late": "pack_b:LATE"}, "LATE = 7")
    made = things()
    assert "late" in made.names()
    assert made.find("one") == 1
    assert "pack_b" not in sys.modules
    assert made.find("late") == 7
    assert "pack_b" in sys.modules


def test_unknown_names(install: Install) -> None:
    install("pack_c", {"seven": "pack_c:SEVEN"}, "SEVEN = 7")
    said = failed(things(), "sevn")
    assert "unknown thing 'sevn' (did you mean 'seven'? allowed: one, seven, two)" in said


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("BAD = 'text'", "TypeError: needs to be a whole number"),
        ("", "AttributeError: module 'pack_d' has no attribute 'BAD'"),
        ("raise SyntaxError('a line\\nand another')", "SyntaxError: a line and another"),
    ],
)
def test_a_broken_package_ends_nothing_but_its_own_use(install: Install, code: str, reason: str) -> None:
    install("pack_d", {"bad": "pack_d:BAD"}, code)
    made = things()
    assert made.usable() == {"one": 1, "two": 2}
    assert [error.message for error in made.problems()] == [f"thing 'bad' of pack_d 1.0 cannot be used: {reason}"]
    said = failed(made, "bad")
    assert f"thing 'bad' of pack_d 1.0 cannot be used: {reason} (repair pack_d:BAD, or uninstall the package)" in said


def test_two_of_one_name(install: Install) -> None:
    install("pack_e", {"one": "pack_e:X", "same": "pack_e:X"}, "X = 1")
    install("pack_f", {"same": "pack_f:X"}, "X = 2")
    made = things()
    assert "thing 'one' is of dtbsim and pack_e 1.0" in failed(made, "one")
    assert "thing 'same' is of pack_e 1.0 and pack_f 1.0" in failed(made, "same")
    assert made.usable() == {"two": 2}


def test_one_of_this_process(install: Install) -> None:
    install("pack_g", {"far": "pack_g:X"}, "X = 1")
    made = things()
    made.add("mine", 9)
    assert made.find("mine") == 9
    for name in ("mine", "one", "far"):
        with pytest.raises(InputError, match=f"a thing named '{name}' exists already"):
            made.add(name, 3)


def test_a_partitioner_that_is_added_here_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "simulation": {"duration_ms": 1, "partitioner": "mine"},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 4}},
    }
    with pytest.raises(InputError, match=r"simulation\.partitioner: unknown partitioner 'mine'"):
        load_config_data(config)
    monkeypatch.setattr(PARTITIONERS, "_built_in", {**PARTITIONERS._built_in, "mine": ContiguousPartitioner})
    assert load_config_data(config).simulation.partitioner == "mine"
