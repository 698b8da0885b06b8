"""Machine profiles: what one node has and how long its parts take, each number with its unit and where it comes from.

A profile is a YAML file. Those of the package are in `profiles/`; `dtbsim calibrate` measures one. Each number is a
mapping `{value, unit, how, origin}`, where `how` says how far it can be trusted (`UNCERTAINTY`).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.config.locate import Locator, Problem, raise_all
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError
from dtbsim.files import read_text

FORMAT = 1
MOST_BYTES = 1 << 20
FOLDER = Path(__file__).with_name("profiles")
UNCERTAINTY = {"measured": 1.3, "benchmark": 1.5, "data sheet": 3.0}
"""By how a number is known: the factor by which what is predicted from it may be off, to either side."""

COMMON: dict[str, dict[str, str]] = {
    "node": {"cores": "cores", "memory": "GiB"},
    "process": {"memory": "MiB", "mpi": "MiB", "start": "s"},
    "compute": {
        "event": "ns",
        "row": "ns",
        "far_row": "ns",
        "draw": "ns",
        "neuron_update": "ns",
        "drive": "ns",
        "build_synapse": "ns",
        "step": "us",
    },
    "exchange": {
        "host": "us",
        "spike": "ns",
        "message": "us",
        "latency_within": "us",
        "bandwidth_within": "GB/s",
        "latency_between": "us",
        "bandwidth_between": "GB/s",
    },
}
"""Sections, their numbers and units, of every profile (docs/estimate.md says what each means)."""
GPU = {"gpus": "GPUs", "memory": "GiB", "multiprocessors": "multiprocessors", "shared_memory": "KiB", "cache": "MiB"}
"""The further section `gpu` of a node with GPUs."""
_TEXTS = ("name", "description")


@dataclass(frozen=True)
class Number:
    """A number of a profile; `how` is a key of UNCERTAINTY."""

    value: float
    unit: str
    how: str
    origin: str

    @property
    def factor(self) -> float:
        """By which it may be off."""
        return UNCERTAINTY[self.how]


@dataclass(frozen=True)
class Profile:
    """A machine: `numbers` by key path (`compute.event`)."""

    name: str
    kind: str
    """cpu or gpu."""
    description: str
    numbers: Mapping[str, Number]

    def __getitem__(self, path: str) -> float:
        return self.numbers[path].value

    def untested(self, *, ranks: int, nodes: int) -> bool:
        """Whether a time of a run there would come from a data sheet: nothing was ever measured with the engine."""
        used = ["process", "compute"]
        if ranks > 1:
            alone = nodes == 1 and self.kind == "cpu"
            used += ["exchange.spike", "exchange.latency_within"] if alone else ["exchange"]
        return any(n.how == "data sheet" and path.startswith(tuple(used)) for path, n in self.numbers.items())

    def to_yaml(self) -> str:
        """Return the text of its file."""
        data: dict[str, Any] = {"profile": FORMAT, "name": self.name, "kind": self.kind}
        data["description"] = self.description
        for path, number in self.numbers.items():
            section, key = path.split(".")
            row = {"value": number.value, "unit": number.unit, "how": number.how, "origin": number.origin}
            data.setdefault(section, {})[key] = row
        return to_yaml(data)


def profile_names() -> list[str]:
    """Return the names of the profiles that come with dtbsim."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_profile(machine: str | Path) -> Profile:
    """Return a profile by name, or from a file.

    Raises:
        InputError: there is no such profile, or it does not fit: every mistake has a line with file and key path.
    """
    text = str(machine)
    known = profile_names()
    if text in known:
        return _read(FOLDER / f"{text}.yaml", f"profile {text}")
    path = Path(machine)
    if not path.is_file():
        close = difflib.get_close_matches(text, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        names = ", ".join(known)
        raise InputError(
            f"'{text}' is neither a profile nor a file",
            where="--machine",
            remedy=f"{hint}profiles: {names}; `dtbsim calibrate` measures one",
        )
    return _read(path, text)


def _read(path: Path, name: str) -> Profile:
    try:
        text = read_text(path, MOST_BYTES, "a profile has some tens of numbers")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=name) from None
    except UnicodeDecodeError as error:
        raise InputError(f"byte 0x{error.object[error.start]:02x} is not UTF-8", where=name) from None
    return parse_profile(text, name)


def parse_profile(text: str, name: str) -> Profile:
    """Return the profile in a text; `name` stands for the file in errors. Raises InputError."""
    data, places = parse_yaml(text, name)
    locator = Locator(places)
    if not isinstance(data, dict):
        raise InputError("this is no machine profile", where=name, remedy="`dtbsim calibrate` writes one")
    problems = list(_problems(data))
    raise_all(problems, locator)
    numbers = {
        f"{section}.{key}": Number(float(data[section][key]["value"]), unit, *_source(data[section][key]))
        for section, keys in _sections(data).items()
        for key, unit in keys.items()
    }
    return Profile(data["name"], data["kind"], data["description"], numbers)


def _source(row: Mapping[str, str]) -> tuple[str, str]:
    return row["how"], row["origin"]


def _sections(data: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return COMMON | ({"gpu": GPU} if data.get("kind") == "gpu" else {})


def _problems(data: dict[str, Any]) -> list[Problem]:
    found = []
    if data.get("profile") != FORMAT or isinstance(data.get("profile"), bool):
        message = "is missing" if "profile" not in data else f"got {data['profile']!r}"
        found.append(Problem(("profile",), f"the number of the format {message}", f"allowed: {FORMAT}"))
    for key in _TEXTS:
        if not isinstance(data.get(key), str) or not data[key].strip():
            found.append(Problem((key,), "a text is missing" if key not in data else f"got {data[key]!r}", "give one"))
    if data.get("kind") not in ("cpu", "gpu"):
        found.append(Problem(("kind",), f"got {data.get('kind')!r}", "allowed: cpu, gpu"))
    sections = _sections(data)
    allowed = {"profile", *_TEXTS, "kind", *sections}
    found += [Problem((str(key),), "this key is unknown", _near(str(key), allowed)) for key in data.keys() - allowed]
    for section, keys in sections.items():
        given = data.get(section)
        if not isinstance(given, dict):
            what = "is missing" if section not in data else "is no mapping"
            found.append(Problem((section,), f"this section {what}", f"it has {', '.join(keys)}"))
            continue
        for key in given.keys() - keys.keys():
            found.append(Problem((section, str(key)), "this key is unknown", _near(str(key), keys)))
        for key, unit in keys.items():
            found += _of_number(given.get(key), (section, key), unit)
    return found


def _of_number(row: Any, path: tuple[str, ...], unit: str) -> list[Problem]:
    form = f"{{value: NUMBER, unit: {unit}, how: measured, origin: TEXT}}"
    if row is None:
        return [Problem(path, "this number is missing", f"give {form}")]
    if not isinstance(row, dict):
        return [Problem(path, f"got {row!r}", f"allowed: {form}")]
    found = [Problem((*path, str(key)), "this key is unknown", f"allowed: {form}") for key in row.keys() - _ROW]
    found += [Problem((*path, key), "this key is missing", f"give {form}") for key in _ROW if key not in row]
    if found:
        return found
    value = row["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        found.append(Problem((*path, "value"), f"got {value!r}", f"allowed: a number above 0, in {unit}"))
    if row["unit"] != unit:
        found.append(Problem((*path, "unit"), f"got {row['unit']!r}", f"allowed: {unit}; convert the value"))
    if row["how"] not in UNCERTAINTY:
        found.append(Problem((*path, "how"), f"got {row['how']!r}", f"allowed: {', '.join(UNCERTAINTY)}"))
    if not isinstance(row["origin"], str):
        found.append(Problem((*path, "origin"), f"got {row['origin']!r}", "say in words where the number comes from"))
    return found


_ROW = ("value", "unit", "how", "origin")


def _near(key: str, allowed: Any) -> str:
    close = difflib.get_close_matches(key, list(allowed), n=1)
    return f"did you mean '{close[0]}'?" if close else f"allowed: {', '.join(sorted(allowed))}"
