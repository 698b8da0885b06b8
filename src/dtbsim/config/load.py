"""Load a configuration: YAML file -> `RunConfig`, with every error in one line that names file, line and key path."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dtbsim.arguments import path as path_argument
from dtbsim.arguments import refuse
from dtbsim.config.check import check_references
from dtbsim.config.describe import show
from dtbsim.config.explain import explain
from dtbsim.config.locate import Locator, raise_all
from dtbsim.config.overrides import Overrides, apply_overrides
from dtbsim.config.python_values import plain_data
from dtbsim.config.repair import later_problems
from dtbsim.config.run import KNOWN_SCHEMA_VERSIONS, RunConfig
from dtbsim.config.settling import follow_shorter_run, never_happens, settled
from dtbsim.config.strict import checked
from dtbsim.errors import InputError
from dtbsim.files import read_bytes
from dtbsim.files.limits import MOST_CONFIG_BYTES


@dataclass(frozen=True)
class LocatedConfig:
    """A configuration, where its values stand (`locator.where("populations.E.model")`), and the file (None: text)."""

    config: RunConfig
    locator: Locator
    source_path: Path | None = None

    @property
    def base_dir(self) -> Path:
        """The folder that relative paths in the configuration start from."""
        return self.source_path.parent if self.source_path else Path()


def load_config(path: str | Path, overrides: Overrides = ()) -> RunConfig:
    """Return the configuration in the YAML file `path`, with overrides applied as by `--set`.

    Args:
        path: the file.
        overrides: texts `key.path=value`, whose values are YAML, or a mapping {"key.path": value}.

    Raises:
        InputError: everything that can be wrong with it without looking at models and atlas; every mistake that was
            found is one of its `mistakes` and has a line in its text.
    """
    return load_located(path, overrides).config


def load_config_text(text: str, name: str = "config", overrides: Overrides = ()) -> RunConfig:
    """Return the configuration in a YAML text; `name` stands for the file in errors. Raises InputError."""
    if not isinstance(text, str):
        raise refuse(text, "text", "a text in YAML")
    return _load(text, name, overrides).config


def load_config_data(data: Mapping[str, Any] | RunConfig, overrides: Overrides = ()) -> RunConfig:
    """Return the configuration in a mapping such as YAML or JSON gives, or in objects; errors name key paths.

    `data` is not changed, and is checked again where it is a RunConfig. Raises InputError.
    """
    return load_located_data(data, overrides).config


def load_located_data(data: Mapping[str, Any] | RunConfig, overrides: Overrides = ()) -> LocatedConfig:
    """Return the same as `load_config_data`, with what is known of the places of overrides."""
    if not isinstance(data, Mapping | RunConfig):
        raise refuse(data, "config", "a RunConfig, a mapping, or the path of a file")
    values, problems = plain_data(data)
    raise_all(problems, Locator())
    return _validated(values, Locator(), overrides)


def load_located(path: str | Path, overrides: Overrides = ()) -> LocatedConfig:
    """Return the configuration in a YAML file together with the places of its values, for errors of later stages."""
    file = path_argument(path, "path")
    located = _load(_read(file), os.fspath(path), overrides)
    return LocatedConfig(located.config, located.locator, file)


def load_located_text(text: str, path: Path, overrides: Overrides = ()) -> LocatedConfig:
    """As `load_located` of a file at `path` with this text."""
    located = _load(text, str(path), overrides)
    return LocatedConfig(located.config, located.locator, path)


def _read(path: Path) -> str:
    if path.is_dir():
        inside = path / "config.yaml"
        raise InputError(
            "a folder, not a configuration file",
            where=str(path),
            remedy=f"did you mean {inside}?" if inside.is_file() else "give a YAML file",
        )
    try:
        raw = read_bytes(path, MOST_CONFIG_BYTES, "put spikes and matrices into files of their own")
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), remedy=_similar_file(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"byte 0x{raw[error.start]:02x} is not UTF-8",
            where=f"{path}:{line}",
            remedy="save the file as UTF-8",
        ) from None


def _similar_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = [entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml")]
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {folder / close[0]}?" if close else "give the path of a YAML file"


def _load(text: str, name: str, overrides: Overrides) -> LocatedConfig:
    from dtbsim.config.yaml_text import parse_yaml

    data, places = parse_yaml(text, name)
    if data is None:
        raise InputError("the file is empty", where=name, remedy="it needs at least `simulation` and `populations`")
    if not isinstance(data, dict):
        raise InputError(
            f"got {show(data)}",
            where=f"{name}:1",
            remedy="allowed: a mapping with keys such as simulation, populations",
        )
    return _validated(data, Locator(places), overrides)


def _validated(data: dict[str, Any], locator: Locator, overrides: Overrides) -> LocatedConfig:
    data = apply_overrides(data, overrides, locator, RunConfig)
    version = data.get("schema_version", KNOWN_SCHEMA_VERSIONS[-1])
    if isinstance(version, bool) or version not in KNOWN_SCHEMA_VERSIONS:
        raise InputError(
            f"version {show(version)} is not known",
            where=locator.where("schema_version"),
            remedy=f"this dtbsim knows: {', '.join(map(str, KNOWN_SCHEMA_VERSIONS))}",
        )
    locator.notices += follow_shorter_run(data, locator)
    try:
        config = settled(checked(RunConfig, data))
    except ValidationError as error:
        problems = explain(error, RunConfig, data)
        raise_all([*problems, *later_problems(data, problems)], locator)
        raise
    check_references(config, locator)
    locator.notices += never_happens(config)
    return LocatedConfig(config, locator)
