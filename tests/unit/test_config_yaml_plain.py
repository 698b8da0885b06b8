"""Large texts are scanned by LibYAML: with the same result as by the thorough way, or left to it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from dtbsim.config import yaml_text
from dtbsim.config.yaml_plain import SMALLEST, read_plain
from dtbsim.config.yaml_text import parse_yaml, plain_scalar
from dtbsim.errors import InputError

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
ODD = """\
a: {b: 1, "c":2, d: [1, 2,], e: {}}
f: "x\\ty"
g: >
  folded
  text

h: |-
  lit
i: -
j:
- 1
- - 2
  - 3
-  {a: b}
k: plain # comment
l: a#b
m: "multi
  line"
n: 'it''s'
o: multi
  plain text
x: 0o17
y: 1_000
z: 1e-3
v: [0x1F, .5, 1., -.inf, 12:30, 2001-01-01, yes, NO, ~, null, True, '1']
"""
PIECES = [*" \n:-,[]{}#&*!|>'\"%@`?=<.\\abc019_~+eE", "\n  ", "- ", ": ", "é", "\\n", "---\n", "...\n", "<<: ", "? "]


def quick(text: str) -> Any:
    return read_plain(text, "f.yaml", True, plain_scalar, smallest=0)


def thorough(text: str) -> Any:
    try:
        return parse_yaml(text, "f.yaml")
    except InputError:
        return None


def same(quickly: Any, thoroughly: Any) -> bool:
    """Types count, too: 1 is not 1.0."""
    return thoroughly is not None and repr(quickly) == repr(thoroughly)


@pytest.fixture(autouse=True)
def _only_the_thorough_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "read_plain", lambda *_: None)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples(path: Path) -> None:
    found = quick(path.read_text())
    assert found is None or same(found, thorough(path.read_text()))


def test_most_examples_are_read_quickly() -> None:
    assert sum(quick(path.read_text()) is not None for path in EXAMPLES) > len(EXAMPLES) / 2


@pytest.mark.parametrize("seed", range(3))
def test_texts_with_small_changes(seed: int) -> None:
    rng = random.Random(seed)
    lines = [line for path in EXAMPLES for line in path.read_text().splitlines(keepends=True)]
    taken = 0
    for _ in range(1000):
        start = rng.randrange(len(lines))
        text = list(rng.choice([ODD, "".join(lines[start : start + 15])]))
        for _ in range(rng.choice([0, 1, 1, 2, 4])):
            at = rng.randrange(len(text) + 1)
            if rng.random() < 0.6:
                text.insert(at, rng.choice(PIECES))
            else:
                del text[at : at + 1]
        found = quick("".join(text))
        taken += found is not None
        assert found is None or same(found, thorough("".join(text))), "".join(text)
    assert taken > 100


@pytest.mark.parametrize(
    "unusual",
    [
        "a: &x 1", "a: *x", "a: !!str 1", "%YAML 1.2\n---\na: 1", "a:\t1", "a: 1\na: 2", "1: a", "[a]: b",
        "? {a: b}\n: c",
        "a: 1\n...\n...\n", "a: 1\n---\nb: 2", "a: |\n  text", "a: [b: c]", "a: [1, 2", "a: b: c", "- 1", "1", "",
        "<<: {a: 1}", 'a: "\\0"', 'a: "\\x85"', "a: \x85b", "a: \u2028b", "\ufeffa: 1", "[" * 200,
        "a: " + "[" * 99 + "]" * 99,
    ],
)  # fmt: skip
def test_what_is_unusual_is_left_to_the_thorough_way(unusual: str) -> None:
    assert quick(unusual) is None


def test_only_large_texts_are_read_quickly() -> None:
    small = "a: 1\n"
    large = small + "".join(f"b{k}: [1.5, text, null]\n" for k in range(SMALLEST // 20))
    assert read_plain(small, "f.yaml", True, plain_scalar) is None
    assert same(read_plain(large, "f.yaml", True, plain_scalar), thorough(large))


def test_a_mistake_in_a_large_text_is_told_as_in_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "read_plain", read_plain)
    text = "".join(f"b{k}: 1\n" for k in range(SMALLEST // 5))
    with pytest.raises(InputError, match=r"f.yaml:6555: b7: key 'b7' is given twice; first at f.yaml:8"):
        parse_yaml(text + "\nb7: 2\n", "f.yaml")
