"""YAML of strangers: what multiplies, nests, repeats or cannot be written again is refused when it is read."""

from __future__ import annotations

import pytest

from dtbsim.config import load_config_text
from dtbsim.config.yaml_text import MAX_REPEATED, parse_yaml
from dtbsim.errors import InputError

START = "simulation: {duration_ms: 1}\npopulations: {E: {model: iaf_psc_exp, size: 1}}\n"


def multiplied(link: str, levels: int, fan: int = 8) -> str:
    """A text in which every level repeats the one before `fan` times: `link` makes a value of its references."""
    lines = ["k0: &k0 {x: 1}"]
    for level in range(1, levels + 1):
        lines.append(f"k{level}: &k{level} " + link.format(", ".join([f"*k{level - 1}"] * fan)))
    return "\n".join(lines)


@pytest.mark.parametrize("link", ["[{0}]", "{{a: [{0}]}}", "{{<<: [{0}], y: [{0}]}}"])
def test_what_multiplies_is_refused(link: str) -> None:  # 8^20 values would take years
    with pytest.raises(InputError, match=f"aliases and merge keys repeat more than {MAX_REPEATED} values"):
        parse_yaml(multiplied(link, 20), "net.yaml")


def test_merge_keys_of_merge_keys_are_followed_once() -> None:
    data, _ = parse_yaml(multiplied("{{<<: [{0}]}}", 40), "net.yaml")  # 8^40 ways lead to x
    assert data == {f"k{level}": {"x": 1} for level in range(41)}


def test_many_keys_merged_many_times_are_refused() -> None:
    wide = "a: &a {" + ", ".join(f"k{i}: 1" for i in range(300)) + "}"
    with pytest.raises(InputError, match="aliases and merge keys repeat more than"):
        parse_yaml(f"{wide}\nb: {{<<: [{', '.join(['*a'] * 20_000)}]}}", "net.yaml")


def test_defaults_of_very_many_objects_are_no_bomb() -> None:
    base = "base: &base {model: iaf_psc_exp, size: 10, initial: {V_m_mV: -65}}\n"
    text = base + "all:\n" + "".join(f"  P{k}: {{<<: *base, size: {k}}}\n" for k in range(3000))
    data, _ = parse_yaml(text, "net.yaml")
    assert data["all"]["P2999"] == {"model": "iaf_psc_exp", "size": 2999, "initial": {"V_m_mV": -65}}


@pytest.mark.parametrize("text", ["b: &b [*b]", "b: &b {a: *b}", "b: &b {<<: *b}", "y: {<<: &z {<<: *z}}"])
def test_what_holds_itself_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"an alias contains itself|<< takes another mapping"):
        parse_yaml(text, "net.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000 + "]" * 5000,
        "{" * 5000,
        "- " * 5000,
        "? " * 5000,
        "\n".join(" " * depth + "a:" for depth in range(2000)),
    ],
    ids=["lists", "mappings", "dashes", "keys", "blocks"],
)
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(InputError, match=r"^net\.yaml: nested too deeply$"):
        parse_yaml(text, "net.yaml")


@pytest.mark.parametrize(
    ("escape", "named"), [(r"a\0b", r"\u0000"), (r"a\ud800b", r"\ud800"), (r"\udc00\ud800", r"\udc00")]
)
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{start}description: "{bad}"', "net.yaml:3: description"),
        ('{start}record: {{spikes: {{populations: [E, "{bad}"]}}}}', "net.yaml:3: record.spikes.populations.1"),
        ('{start}"{bad}": 1', "net.yaml:3"),
        ('{start}drives: {{"{bad}": {{kind: dc}}}}', "net.yaml:3: drives"),
        ('{start}atlas: "{bad}"', "net.yaml:3: atlas"),
    ],
)
def test_characters_that_no_file_holds_are_refused(text: str, place: str, escape: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(text.format(start=START, bad=escape), "net.yaml")
    assert str(caught.value).startswith(f"{place}: {named} in the text '")
    assert str(caught.value).endswith("' cannot be written to a file (remove it)")
    str(caught.value).encode()


def test_halves_of_a_character_that_follow_one_another_are_that_character() -> None:
    assert parse_yaml(r'a: "x\ud83d\ude00"', "net.yaml")[0] == {"a": "x😀"}


def test_mistakes_of_the_text_are_told_together() -> None:
    text = 'a: "\\0"\n1: 2\nc: !x 3\nd: [1, "\\udc00", 0b12]\nc: 5\n'
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "net.yaml")
    assert [line.partition(" (")[0] for line in str(caught.value).splitlines()] == [
        r"net.yaml:1: a: \u0000 in the text '\x00' cannot be written to a file",
        "net.yaml:2: the key 1 is not a text",
        "net.yaml:3: c: the tag !x is not known",
        r"net.yaml:4: d.1: \udc00 in the text '\udc00' cannot be written to a file",
        "net.yaml:5: c: key 'c' is given twice; first at net.yaml:3",
    ]


@pytest.mark.parametrize("value", ["0x" + "f" * 50_000, "9" * 3000, "1" * 100_000, "'" + "x" * 100_000 + "'"])
def test_values_of_any_length_are_told_shortly(value: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(START + f"seed: {value}", "net.yaml")
    assert len(str(caught.value)) < 250
