"""The best configuration, ready to run from anywhere on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dtbsim.config.load import load_config_data
from dtbsim.config.locate import Locator
from dtbsim.config.overrides import apply_overrides
from dtbsim.config.plain import plain
from dtbsim.config.run import RunConfig
from dtbsim.config.yaml_write import to_yaml
from dtbsim.fitting.prepared import Prepared
from dtbsim.store.files import write_text

_WORDS = ("name", "description", "kind")


def write_best(path: Path, prepared: Prepared, values: Mapping[str, Any], title: str) -> None:
    """Write the configuration of the user with the best values; files that it names get absolute paths."""
    data = plain(prepared.given, followed=False)
    data = apply_overrides(data, dict(values), Locator(), RunConfig)
    data = _absolute(data, prepared.base_dir)
    load_config_data(data)
    head = "".join(f"# {line}\n" for line in title.splitlines())
    write_text(path, head + to_yaml(data))


def _absolute(value: Any, base_dir: Path, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _absolute(item, base_dir, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_absolute(item, base_dir, key) for item in value]
    if not isinstance(value, str) or key in _WORDS or not value or len(value) > 4096 or "\n" in value:
        return value
    file, colon, attribute = value.partition(".py:")
    name = f"{file}.py" if colon else value
    if (key == "atlas" or "/" in name or "." in name) and not Path(name).is_absolute() and (base_dir / name).exists():
        return f"{base_dir / name}{f':{attribute}' if colon else ''}"
    return value
