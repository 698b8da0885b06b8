"""`dtbsim chips list` and `dtbsim chips show`."""

from __future__ import annotations

from dtbsim.chips.chip import NOT_CHECKED, Chip
from dtbsim.chips.fields import SECTIONS
from dtbsim.chips.read import chip_text
from dtbsim.chips.registry import CHIPS, load_chip
from dtbsim.cli.output import pairs, show, table, write
from dtbsim.errors import EXIT_OK

_COLUMNS = ("size.cores", "size.neurons_per_core", "memory.synapses_per_chip", "numbers.weight_bits")


def list_all_chips() -> int:
    """Print all chips with what users look for first."""
    rows = [
        (chip.name, *(_short(chip, path) for path in _COLUMNS), chip.model or NOT_CHECKED, chip.title)
        for chip in CHIPS.usable().values()
    ]
    header = ("chip", "cores", "neurons a core", "synapses a chip", "weight bits", "model", "what it is")
    show(table(header, rows, numbers=header[1:5]))
    for problem in CHIPS.problems():
        write(f"not usable: {problem}\n")
    return EXIT_OK


def _short(chip: Chip, path: str) -> str:
    value = chip.get(path)
    return NOT_CHECKED if value is None else f"{value:,.10g}"


def show_chip(name: str, *, as_yaml: bool) -> int:
    """Print a chip: every number with its source, and what is not checked; or its YAML, to begin one's own with."""
    chip = load_chip(name)
    if as_yaml:
        write(chip_text(chip))
        return EXIT_OK
    write(f"{chip.title} ({chip.name})\n{chip.description}\n")
    show(pairs([("model", chip.model or NOT_CHECKED), ("described in", chip.where)]))
    for section, fields in SECTIONS.items():
        rows = []
        for key, field in fields.items():
            number = chip.numbers.get(f"{section}.{key}")
            value = NOT_CHECKED if number is None else str(number)
            rows.append((f"  {key}", value, field.meaning, "" if number is None else number.cited))
        show(table((section, "", "what it means", "source"), rows))
    return EXIT_OK
