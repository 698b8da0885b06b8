"""Members of an ensemble: the configuration of each, with what differs between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dtbsim.atlas import Atlas, load_atlas
from dtbsim.config.grid import runs_of
from dtbsim.config.locate import Locator as KeyLocator
from dtbsim.config.overrides import apply_overrides
from dtbsim.config.plain import plain
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError
from dtbsim.spec.numbers import Numbers

MOST_MEMBERS = 1_000_000
_MAY_DIFFER = re.compile(
    r"seed|atlas|populations\.[^.]+\.(parameters|initial)(\..+)?|populations\.[^.]+\.noise\.[^.]+\.(sigma|tau_ms)(\..+)?"
    r"|couplings\.[^.]+\.(strength|weights|delay_ms|normalise|function)(\..+)?"
    r"|drives\.[^.]+\.(?!target$|input$|kind$).+|changes\.[^.]+\.(t_ms|set|times_ms|values|sine)(\..+)?"
)
_ALLOWED = (
    "seed, atlas, populations.NAME.parameters.*, .initial.*, .noise.STATE.sigma, couplings.NAME.strength, .function.*, "
    ".weights, .delay_ms, .normalise, drives.NAME.* but for its kind, target and input, changes.NAME.t_ms, .set, "
    ".times_ms, .values, .sine; other keys take runs of their own: dtbsim.sweep"
)


def may_differ(key: str) -> bool:
    """Whether members of an ensemble may have values of their own at a key path."""
    return _MAY_DIFFER.fullmatch(key) is not None


@dataclass(frozen=True, eq=False)
class MemberConfig:
    """One member: its configuration, its values by key, its own atlas where that differs."""

    config: RunConfig
    values: dict[str, Any] = field(default_factory=dict)
    atlas: Atlas | None = None


def members_of(config: RunConfig, numbers: Numbers) -> list[MemberConfig]:
    """All members of a configuration; itself, where it has no ensemble. InputError for values that cannot differ."""
    ensemble = config.ensemble
    if ensemble is None:
        return [MemberConfig(config)]
    places, where = numbers.places, "ensemble.grid" if ensemble.grid is not None else "ensemble.members"
    try:
        given = ensemble.grid if ensemble.grid is not None else ensemble.members
        runs = runs_of(given, repeated=ensemble.seeds == "own")
    except InputError as error:
        raise places.error(where, error.message, error.remedy) from None
    for number, run in enumerate(runs):
        for key in run:
            if not may_differ(key):
                path = f"{where}.{key}" if ensemble.grid is not None else f"{where}.{number}.{key}"
                raise places.error(path, f"{key} cannot differ between members", f"allowed: {_ALLOWED}")
    base = plain(config)
    base.pop("ensemble", None)
    members = []
    for number, run in enumerate(runs):
        seed = {"seed": config.seed + number} if ensemble.seeds == "own" else {}
        members.append(_member(config, base, {**run, **seed}, number, where, numbers))
    return members


def _member(
    config: RunConfig, base: dict[str, Any], values: dict[str, Any], number: int, where: str, numbers: Numbers
) -> MemberConfig:
    sections = {key.partition(".")[0] for key in values}
    data = {key: (_copied(value) if key in sections else value) for key, value in base.items()}
    try:
        own = RunConfig.model_validate(apply_overrides(data, values, KeyLocator(), RunConfig))
        atlas = None
        if own.atlas != config.atlas:
            atlas = load_atlas(str(own.atlas), base_dir=numbers.base)
            _check_regions(atlas, numbers.atlas)
    except InputError as error:
        raise numbers.places.error(f"{where}", f"member {number}: {error}", None) from None
    return MemberConfig(own, values, atlas)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _check_regions(atlas: Atlas, first: Atlas | None) -> None:
    if first is None or tuple(atlas.region_names) != tuple(first.region_names):
        raise InputError(f"atlas '{atlas.name}' has other regions than that of the configuration")
