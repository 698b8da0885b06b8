"""Load a configuration: YAML file -> `RunConfig`, with every error in one line that names file, line and key path."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dtbsim.config.check import check_references
from dtbsim.config.describe import show
from dtbsim.config.explain import explain
from dtbsim.config.locate import Locator, raise_first
from dtbsim.config.overrides import apply_overrides
from dtbsim.config.run import KNOWN_SCHEMA_VERSIONS, RunConfig
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import InputError
from dtbsim.runtime.paths import user_path


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


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Return the configuration in the YAML file `path`, with `key.path=value` overrides applied.

    Raises InputError for everything that can be wrong with it without looking at models and atlas.
    """
    return load_located(path, overrides).config


def load_config_text(text: str, name: str = "config", overrides: Sequence[str] = ()) -> RunConfig:
    """Return the configuration in a YAML text; `name` stands for the file in errors."""
    return _load(text, name, overrides).config


def load_config_data(data: Mapping[str, Any], overrides: Sequence[str] = ()) -> RunConfig:
    """Return the configuration in a mapping such as YAML or JSON gives; errors name key paths. `data` is kept."""
    return _validated(copy.deepcopy(dict(data)), Locator(), overrides).config


def load_located(path: str | Path, overrides: Sequence[str] = ()) -> LocatedConfig:
    """Return the configuration in a YAML file together with the places of its values, for errors of later stages."""
    file = user_path(path)
    located = _load(_read(file), str(path), overrides)
    return LocatedConfig(located.config, located.locator, file)


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), remedy=_similar_file(path)) from None
    except IsADirectoryError:
        inside = path / "config.yaml"
        raise InputError(
            "a folder, not a configuration file",
            where=str(path),
            remedy=f"did you mean {inside}?" if inside.is_file() else "give a YAML file",
        ) from None
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


def _load(text: str, name: str, overrides: Sequence[str]) -> LocatedConfig:
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


def _validated(data: dict[str, Any], locator: Locator, overrides: Sequence[str]) -> LocatedConfig:
    data = apply_overrides(data, overrides, locator, RunConfig)
    version = data.get("schema_version", KNOWN_SCHEMA_VERSIONS[-1])
    if isinstance(version, bool) or version not in KNOWN_SCHEMA_VERSIONS:
        raise InputError(
            f"version {show(version)} is not known",
            where=locator.where("schema_version"),
            remedy=f"this dtbsim knows: {', '.join(map(str, KNOWN_SCHEMA_VERSIONS))}",
        )
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        problems = explain(error, RunConfig, data)
        raise_first(problems, locator)
        raise
    check_references(config, locator)
    return LocatedConfig(config, locator)
