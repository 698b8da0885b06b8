"""Descriptions of chips: what comes with dtbsim, files of one's own, and what is said of mistakes in them."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

import dtbsim
from dtbsim.chips import CHIPS, Chip, parse_chip
from dtbsim.chips.fields import SECTIONS, all_paths
from dtbsim.chips.read import chip_text
from dtbsim.chips.registry import NAMES
from dtbsim.cli import main
from dtbsim.errors import InputError

OWN = """\
chip: 1
name: mine
title: Mine
description: A chip of one's own
model:
size:
  cores: {value: 4, source: data sheet, read: 2026-01-31}
  neurons_per_core: {value: 100, source: data sheet}
  mesh_width:
"""


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_its_source_and_a_date_that_is_one(name: str) -> None:
    chip = dtbsim.load_chip(name)
    assert chip.name == name
    assert {"size.cores", "size.neurons_per_core"} <= chip.numbers.keys()
    for path, number in chip.numbers.items():
        assert len(number.source) > 10, path
        assert number.read is None or datetime.date.fromisoformat(number.read)
    assert set(chip.unknown) | chip.numbers.keys() == set(all_paths())
    assert parse_chip(chip_text(chip), chip.where) == chip


def test_what_the_literature_says() -> None:
    loihi = dtbsim.load_chip("loihi")
    assert loihi["size.cores"] * loihi["size.neurons_per_core"] == loihi["size.neurons_per_chip"] == 131072
    assert (loihi.whole("connections.delay_max"), loihi.whole("numbers.decay_bits")) == (62, 12)
    truenorth = dtbsim.load_chip("truenorth")
    assert truenorth["memory.synapses_per_core"] == 256 * 256
    assert dtbsim.load_chip("spinnaker1")["connections.routes"] == 1023


def test_models_of_chips_exist() -> None:
    for name in NAMES:
        model = dtbsim.load_chip(name).model
        assert model is None or model in dtbsim.list_models() or model == "spinnaker_if_curr_exp"


def test_what_is_not_known_is_an_error_where_it_is_needed() -> None:
    chip = parse_chip(OWN, "mine.yaml")
    assert chip.get("memory.bytes_per_core") is None
    assert chip.cited("memory.bytes_per_core") == "not checked"
    assert chip.cited("size.cores") == "data sheet, read 2026-01-31"
    assert chip.cited("size.neurons_per_core") == "data sheet, not read again"
    with pytest.raises(InputError, match=r"memory\.bytes_per_core of the chip mine is not checked"):
        chip["memory.bytes_per_core"]
    with pytest.raises(InputError, match=r"no number 'size\.core'.*did you mean 'size\.cores'"):
        chip["size.core"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("cores: {value: 4", "coers: {value: 4"),
            r"mine.yaml:7: size.coers: unknown key 'coers'.*did you mean 'cores'",
        ),
        (("size:", "sizes:"), r"mine.yaml:6: sizes: unknown key 'sizes'.*did you mean 'size'"),
        (("value: 4,", "value: 4.5,"), r"mine.yaml:7: size.cores.value: got 4.5.*a whole number from 1, in cores"),
        (("value: 4,", "value: 0,"), r"got 0"),
        (("value: 4,", "value: true,"), r"got True"),
        (("value: 4, source: data sheet,", "value: 4,"), r"mine.yaml:7: size.cores.source: missing"),
        (("source: data sheet, read", "sources: data sheet, read"), r"unknown key 'sources'.*did you mean 'source'"),
        (("2026-01-31", "2026-13-31"), r"mine.yaml:7: size.cores.read: got '2026-13-31'.*a date such as 2026-11-30"),
        (("{value: 100, source: data sheet}", "100"), r"mine.yaml:8: size.neurons_per_core: got 100.*value: NUMBER"),
        (("chip: 1", "chip: 2"), r"mine.yaml:1: chip: the number of the form got 2"),
        (("title: Mine\n", ""), r"title: a text is missing"),
        (("model:", "model: 3"), r"model: got 3"),
    ],
)
def test_mistakes_have_line_key_and_remedy(change: tuple[str, str], said: str) -> None:
    assert change[0] in OWN
    with pytest.raises(InputError, match=said):
        parse_chip(OWN.replace(*change), "mine.yaml")


def test_several_mistakes_have_a_line_each() -> None:
    text = OWN.replace("cores: {", "coers: {").replace("title", "titel")
    with pytest.raises(InputError) as raised:
        parse_chip(text, "mine.yaml")
    assert len(raised.value.mistakes) == 3


def test_names_and_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'lohi' is neither a chip nor a YAML file.*did you mean 'loihi'"):
        dtbsim.load_chip("lohi")
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        dtbsim.load_chip(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="this describes no chip"):
        parse_chip("- 1", "list.yaml")
    file = tmp_path / "mine.yaml"
    file.write_text(OWN)
    assert dtbsim.load_chip(str(file))["size.cores"] == 4
    chip = dtbsim.load_chip(file)
    assert dtbsim.load_chip(chip) is chip
    CHIPS.add("mine", chip)
    assert dtbsim.list_chips() == [*NAMES, "mine"]
    assert dtbsim.load_chip("mine") is chip


def test_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["chips", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in NAMES)
    assert main(["chips", "show", "brainscales2"]) == 0
    shown = capsys.readouterr().out
    assert "512 neurons" in shown
    assert "read 2026-11-30" in shown
    assert shown.count("not checked") > 20
    for fields in SECTIONS.values():
        assert all(field.meaning in shown for field in fields.values())
    assert main(["chips", "show", "loihi", "--yaml"]) == 0
    written = capsys.readouterr().out
    chip: Chip = parse_chip(written, "chip loihi")
    assert chip == dtbsim.load_chip("loihi")
    assert main(["chips", "show", "lohi"]) == 2
