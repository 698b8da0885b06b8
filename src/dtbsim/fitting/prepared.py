"""A configuration as evaluations need it: with what objectives look at recorded, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.arguments import path as path_argument
from dtbsim.atlas import Atlas, load_atlas
from dtbsim.clock import nearest_step, time_of
from dtbsim.config import RunConfig
from dtbsim.config.load import load_config_data
from dtbsim.config.overrides import Overrides
from dtbsim.config.plain import plain
from dtbsim.errors import InputError, raise_mistakes
from dtbsim.fitting.objectives import SPECTRUM, Goal
from dtbsim.fitting.simulated import RATES_EVERY_MS, rate_of
from dtbsim.given import Source, resolve
from dtbsim.models.region_own import is_region_model
from dtbsim.spec.ensemble import may_differ

_FIXED = re.compile(
    r"(schema_version|name|description|seed|atlas|record|analysis|checkpoint|ensemble|simulation)(\..*)?"
)
_SOURCES = ("eeg", "meg", "lfp", "source")


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is evaluated.

    `given` is the configuration as the user has it; `config` the same with the records that evaluations need.
    """

    given: RunConfig
    config: RunConfig
    base_dir: Path
    atlas: Atlas | None
    regions: tuple[str, ...]
    mean_field: bool
    spectrum_of: str | None

    @property
    def threads(self) -> int:
        """Of one evaluation."""
        return self.config.simulation.threads or 1

    def together(self, keys: Iterable[str]) -> bool:
        """Whether evaluations that differ in these keys can be members of one run."""
        return self.mean_field and all(may_differ(key) for key in keys)


def prepare(source: Source, overrides: Overrides, goal: Goal | None) -> Prepared:
    """Read a configuration and see what it makes. Raises InputError."""
    given, base_dir, _ = resolve(
        source if not isinstance(source, str | Path) else path_argument(source, "source"), overrides
    )
    if given.ensemble is not None:
        remedy = "leave `ensemble` out, or give --set ensemble=null: the fit makes its own"
        raise InputError("the configuration is an ensemble already", where="ensemble", remedy=remedy)
    base_dir = base_dir.absolute()
    atlas = None if given.atlas is None else load_atlas(given.atlas, base_dir=base_dir)
    models = [population.model for population in given.populations.values()]
    mean_field = not given.circuits and all(is_region_model(model, base_dir) for model in models)
    own = goal is not None and any(".py:" in term.name for term in goal.terms)
    needs = set() if goal is None else goal.needs
    if "bold" in needs and given.bold is None:
        remedy = "add it, such as bold: {population: NAME, tr_ms: 720}"
        raise InputError("the configuration makes no BOLD", where="bold", remedy=remedy)
    signals = {name: item for name, item in given.signals.items() if getattr(item, "kind", None) in _SOURCES}
    spectrum_of = next(iter(signals), None)
    config = _recording(given, base_dir, keep=own, spectrum_of=spectrum_of if "spectrum" in needs else None)
    return Prepared(given, config, base_dir, atlas, _regions(config, base_dir), mean_field, spectrum_of)


def _recording(given: RunConfig, base_dir: Path, *, keep: bool, spectrum_of: str | None) -> RunConfig:
    """With BOLD and rates, and without what nobody looks at; `keep`: an own function may look at everything."""
    data = plain(given, followed=False)
    data.pop("checkpoint", None)
    record: dict[str, Any] = dict(data.get("record") or {})
    if not keep:
        record.pop("weights", None)
        record.pop("correlations", None)
        record["spikes"] = None
    states = list(record.get("states") or []) if keep else []
    for name, population in given.populations.items():
        variable = rate_of(population.model, base_dir) if isinstance(population.model, str) else None
        if variable is not None and is_region_model(population.model, base_dir):
            dt_ms = given.simulation.dt_ms
            every_ms = time_of(max(1, nearest_step(RATES_EVERY_MS, dt_ms)), dt_ms)
            states.append({"population": name, "variables": [variable], "interval_ms": every_ms})
    record["states"] = states
    data["record"] = record
    if given.bold is not None:
        data["bold"] = {**data["bold"], "series": True}
    if not keep:
        kept = {} if spectrum_of is None else {spectrum_of: (data.get("signals") or {})[spectrum_of]}
        data["signals"] = kept
    if spectrum_of is not None:
        data["signals"] = {**(data.get("signals") or {}), SPECTRUM: {"kind": "spectrum", "of": spectrum_of}}
    if given.simulation.threads is None:
        data["simulation"] = {**data["simulation"], "threads": 1}
    return load_config_data(data)


def _regions(config: RunConfig, base_dir: Path) -> tuple[str, ...]:
    """Names of the regions that BOLD is of; () without BOLD. The network is compiled, so that it is checked too."""
    from dtbsim.signals.region_bold import BoldRegions
    from dtbsim.spec import compile_network

    network = compile_network(config, base_dir)
    return () if network.records.bold is None else tuple(BoldRegions(network, network.records.bold).names)


def check_keys(prepared: Prepared, corners: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise InputError where a key cannot vary, or takes none of its values; `corners` has some values of each key."""
    mistakes: list[InputError] = []
    for key, values in corners.items():
        if _FIXED.fullmatch(key) and not key.startswith("simulation.dt_ms"):
            what = f"{key} is no parameter of the model"
            remedy = "free parameters are numbers of populations, couplings, projections, drives, bold"
            mistakes.append(InputError(what, where=f"--free {key}", remedy=remedy))
            continue
        for value in values:
            try:
                load_config_data(prepared.config, {key: value})
            except InputError as error:
                first = error.mistakes[0]
                what = first.message if key in (first.where or "") else str(first)
                mistakes.append(InputError(what, where=f"{key}={value}", remedy=first.remedy))
                break
    raise_mistakes(mistakes)
    some = [{key: values[k] for key, values in corners.items()} for k in (0, -1)]
    for chosen in some:
        try:
            validate_values(prepared, chosen)
        except InputError as error:
            shown = ", ".join(
                f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in chosen.items()
            )
            raise InputError(error.message, where=f"{shown}: {error.where}", remedy=error.remedy) from None


def validate_values(prepared: Prepared, values: Mapping[str, Any]) -> None:
    """Raise InputError where a network cannot be made with these values."""
    from dtbsim.spec import compile_network

    config = load_config_data(prepared.config, values)
    compile_network(config, prepared.base_dir)
