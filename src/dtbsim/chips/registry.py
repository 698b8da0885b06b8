"""Which chips there are, by name; other packages add some by entry points, and a file describes one's own.

[project.entry-points."dtbsim.chips"]
my_chip = "my_package.chips:MY_CHIP"

The object is a `dtbsim.chips.Chip`, such as `read_chip` returns.
"""

from __future__ import annotations

import os
from pathlib import Path

from dtbsim.arguments import refuse
from dtbsim.chips.chip import Chip
from dtbsim.chips.read import read_chip
from dtbsim.errors import InputError, did_you_mean
from dtbsim.paths import user_path
from dtbsim.registry import Later, Registry

NAMES = ("loihi", "loihi2", "spinnaker1", "spinnaker2", "brainscales2", "truenorth", "darwin3")
_FOLDER = Path(__file__).with_name("data")


def _checked(name: str, value: object) -> Chip:
    if not isinstance(value, Chip):
        raise TypeError("a chip is a dtbsim.chips.Chip")
    if value.name != name:
        raise TypeError(f"the chip is called '{value.name}'")
    return value


CHIPS: Registry[Chip] = Registry(
    "dtbsim.chips", "chip", {name: Later(f"dtbsim.chips.registry:{name}") for name in NAMES}, _checked
)


def __getattr__(name: str) -> Chip:
    """The chips that come with dtbsim, read when they are asked for."""
    if name in NAMES:
        return read_chip(built_in_file(name), f"chip {name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def built_in_file(name: str) -> Path:
    """Return the file of a chip that comes with dtbsim."""
    return _FOLDER / f"{name}.yaml"


def list_chips() -> list[str]:
    """Return the names of all chips: those that come with dtbsim, then those of other packages."""
    return CHIPS.names()


def load_chip(chip: str | os.PathLike[str] | Chip) -> Chip:
    """Return a chip by its name, or from a YAML file of one's own.

        dtbsim.load_chip("loihi")["size.cores"]
        dtbsim.load_chip("my_chip.yaml").numbers

    Raises:
        InputError: there is no such chip or file, or the file does not fit: each mistake with line and key path.
    """
    if isinstance(chip, Chip):
        return chip
    if not isinstance(chip, str | os.PathLike):
        raise refuse(chip, "chip", "a name, or the path of a YAML file")
    text = os.fspath(chip)
    if isinstance(chip, str) and text in CHIPS.names():
        return CHIPS.find(text)
    path = user_path(text)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return read_chip(path, text)
    raise InputError(
        f"'{text}' is neither a chip nor a YAML file", where="--to", remedy=did_you_mean(text, CHIPS.names())
    )
