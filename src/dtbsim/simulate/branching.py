"""What a branch may be: a new run that begins at a checkpoint of another, with what differs from there on.

A branch is the run of its own configuration, of which the part before its checkpoint is not simulated again: whatever
had an effect before is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dtbsim.clock import time_of
from dtbsim.config import RunConfig
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.simulate.checkpointing import MAY_DIFFER

FREE = ("name", "description", "record", "bold", "signals", "checkpoint", "analysis")
"""Keys of a configuration on which no spike depends."""
_SIMULATION = (*MAY_DIFFER, "settling_ms")
_CHECKED_APART = ("changes", "drives")
ALLOWED = "duration, what is recorded, and changes and drives that begin at the checkpoint or later"
_REMEDY = f"what may differ in a branch: {ALLOWED}; anything else is another run"


def check_branch(parent: RunConfig, branch: RunConfig, at_ms: float) -> None:
    """Raise InputError, naming the key, where a branch differs from its parent in what had an effect before `at_ms`."""
    _same_network(parent, branch)
    _same_changes(parent, branch, at_ms)
    _same_drives(parent, branch, at_ms)


def _refused(path: str, problem: str, remedy: str = _REMEDY) -> InputError:
    return InputError(problem, where=path, remedy=remedy)


def _same_network(parent: RunConfig, branch: RunConfig) -> None:
    one, other = parent.model_dump(mode="json", warnings=False), branch.model_dump(mode="json", warnings=False)
    for plain in (one, other):
        for key in (*FREE, *_CHECKED_APART):
            plain.pop(key)
        for key in _SIMULATION:
            plain["simulation"].pop(key)
    path = next(_differing(one, other, ""), None)
    if path is not None:
        raise _refused(path, "differs from the run that the branch begins with")


def _differing(one: Any, other: Any, path: str) -> Iterator[str]:
    """Key paths at which plain values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            where = f"{path}.{key}" if path else str(key)
            if (key in one) != (key in other):
                yield where
            else:
                yield from _differing(one.get(key), other.get(key), where)
    elif one != other:
        yield path


def _same_changes(parent: RunConfig, branch: RunConfig, at_ms: float) -> None:
    """Those that had begun are the same, at the same places of the list, by which they draw and are ordered."""
    keys = list(branch.changes)
    for place, (key, change) in enumerate(parent.changes.items()):
        if change.begins_ms <= at_ms and (keys[place : place + 1] != [key] or branch.changes[key] != change):
            raise _refused(f"changes.{key}", f"began before the branch, which begins at {at_ms:.12g} ms")
    for key, change in branch.changes.items():
        old = key in parent.changes and parent.changes[key].begins_ms <= at_ms
        if not old and change.begins_ms < at_ms:
            problem = f"begins at {change.begins_ms:.12g} ms, before the branch ({at_ms:.12g} ms)"
            raise _refused(f"changes.{key}", problem)
        if not old and change.projection is not None and change.begins_ms == at_ms:
            _check_alone(parent, change.projection, f"changes.{key}", at_ms)


def _check_alone(parent: RunConfig, projection: str, path: str, at_ms: float) -> None:
    """InputError where the run has changed the weights of a projection at this very time: both would be one change."""
    for other, change in parent.changes.items():
        sines = [(at_ms - change.t_ms) / sine.interval_ms for sine in change.sine.values()]
        at = change.begins_ms == at_ms or at_ms in (change.times_ms or ())
        at = at or any(count >= 0 and abs(count - round(count)) < 1e-6 for count in sines)
        if change.projection == projection and at:
            problem = f"changes.{other} of the run changes projection '{projection}' at {at_ms:.12g} ms, too"
            raise _refused(path, problem, "let it begin a step later")


def _same_drives(parent: RunConfig, branch: RunConfig, at_ms: float) -> None:
    """Those that had begun are the same but for when they end, at the same places of the list, by which they draw."""
    keys = list(branch.drives)
    for place, (key, drive) in enumerate(parent.drives.items()):
        if keys[place : place + 1] != [key]:
            raise _refused(f"drives.{key}", "a branch has the drives of its run, in their order, and further ones")
        other = branch.drives[key]
        if other == drive:
            continue
        if _begins_ms(drive) >= at_ms:
            _check_new(key, other, at_ms)
        elif not _same_until(drive, other, at_ms):
            raise _refused(
                f"drives.{key}",
                f"differs from that of the run before the branch, which begins at {at_ms:.12g} ms",
                "let it end (stop_ms) after that, or change it by `changes`",
            )
    for key in keys[len(parent.drives) :]:
        _check_new(key, branch.drives[key], at_ms)


def _check_new(key: str, drive: Any, at_ms: float) -> None:
    if _begins_ms(drive) < at_ms:
        raise _refused(
            f"drives.{key}.start_ms",
            f"begins at {_begins_ms(drive):.12g} ms, before the branch ({at_ms:.12g} ms)",
            f"give it start_ms: {at_ms:.12g}, or later",
        )
    if getattr(drive, "as_source", False):
        raise _refused(f"drives.{key}.as_source", "adds neurons to the network", "leave as_source out")


def _begins_ms(drive: Any) -> float:
    first = drive.windows_ms[0][0] if drive.windows_ms else drive.start_ms
    return float(max(drive.start_ms, first))


def _same_until(one: Any, other: Any, at_ms: float) -> bool:
    """Whether two drives differ in nothing but their ends, which are not before a time."""
    plain = [drive.model_dump(mode="json", warnings=False) for drive in (one, other)]
    ends = [values.pop("stop_ms") for values in plain]
    return plain[0] == plain[1] and all(end is None or end >= at_ms for end in ends)


def observed_from(config: RunConfig, at_ms: float) -> RunConfig:
    """Return the configuration with spikes, correlations and statistics from `at_ms` on, where they began earlier.

    Raises InputError for a record that had ended.
    """
    record, analysis = config.record, config.analysis
    pairs = [_later(item, f"record.correlations.{k}", at_ms) for k, item in enumerate(record.correlations)]
    spikes = None if record.spikes is None else _later(record.spikes, "record.spikes", at_ms)
    start_ms = max(analysis.statistics_start_ms, at_ms)
    parts = {
        "record": record.model_copy(update={"spikes": spikes, "correlations": pairs}),
        "analysis": analysis.model_copy(update={"statistics_start_ms": start_ms}),
    }
    return config.model_copy(update=parts)


def _later(item: Any, path: str, at_ms: float) -> Any:
    if item.stop_ms is not None and item.stop_ms <= at_ms:
        problem = f"ends at {item.stop_ms:.12g} ms, before the branch, which begins at {at_ms:.12g} ms"
        raise _refused(f"{path}.stop_ms", problem, "leave it out")
    return item.model_copy(update={"start_ms": max(item.start_ms, at_ms)})


def same_streams(parent: RunConfig, branch: RunConfig) -> frozenset[str]:
    """Kinds of recorders and signals of which both configurations ask for the same: they go on from their states."""
    one, other = parent.model_dump(mode="json", warnings=False), branch.model_dump(mode="json", warnings=False)
    found = set()
    for name in SIGNALS.names():
        kind = SIGNALS.find(name)
        if _asked(kind, one) == _asked(kind, other):
            found.add(name)
    return _followed(found, other)


def _followed(same: set[str], config: Mapping[str, Any]) -> frozenset[str]:
    """Those of `same` whose entries follow nothing that differs."""
    entries = config.get("signals") or {}
    while True:
        lost = {
            str(item["kind"])
            for item in entries.values()
            if item["kind"] in same
            and "of" in item
            and entries.get(item["of"], {"kind": item["of"]})["kind"] not in same
        }
        if not lost:
            return frozenset(same)
        same = same - lost


def _asked(kind: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration says of a kind, by key path."""
    return {key: _value(config, key) for key in kind.stores(config).values()}


def _value(config: Any, path: str) -> Any:
    for key in path.replace("[", ".").replace("]", "").split("."):
        config = config[int(key)] if isinstance(config, list) else config[key]
    return config


def check_network(manifest: Mapping[str, Any], described: Mapping[str, Any], where: str) -> None:
    """Raise InputError where the compiled network of a branch is not the one that the checkpoint is of.

    `described` is what `saved.described` says of it; the manifest has that of the run.
    """
    remedy = "declare it in the run that the branch begins with, with a later time, so that the network is built for it"
    mine, others = manifest["parts"][len(manifest["streams"]) :], described["parts"][len(described["streams"]) :]
    if mine != others:
        raise InputError("the checkpoint is of a network with other controllers", where=where, remedy=_REMEDY)
    for family, form in manifest["forms"].items():
        if described["forms"].get(family) != form:
            raise InputError(
                f"what changes in the branch needs another form of the model of population '{family}'",
                where=where,
                remedy=remedy,
            )
    for family, quanta in manifest["quanta"].items():
        if described["quanta"][family][: len(quanta)] != quanta:
            raise InputError(
                f"what changes in the branch needs weights onto population '{family}' in other quanta",
                where=where,
                remedy=remedy,
            )
    if described["drives"][: len(manifest["drives"])] != manifest["drives"]:
        raise InputError("the drives of the branch have other numbers, by which they draw", where=where, remedy=remedy)


def check_bins(
    manifest: Mapping[str, Any], described: Mapping[str, Any], same: frozenset[str], dt_ms: float, where: str
) -> None:
    """Raise InputError where the checkpoint is within a bin of a record that does not go on from its state.

    Those go on whose kind is in `same`, all of them only where spikes are counted in the same unit.
    """
    streams = list(zip(described["streams"], described["bins"], strict=True))
    begun = [(name, bins) for name, bins in streams if name not in same]
    if described["unit"] != manifest["unit"]:
        begun += [*streams, ("controllers", described["controller_bins"]), ("what is recorded", [manifest["unit"]])]
    for name, bins in begun:
        off = next((size for size in bins if size and int(manifest["step"]) % size), None)
        if off is not None:
            bin_ms = time_of(off, dt_ms)
            raise InputError(
                f"the records differ from those of the run, and the branch begins within a bin of {bin_ms:.12g} ms of "
                f"{name}",
                where=where,
                remedy=f"begin it at a multiple of {bin_ms:.12g} ms, or leave the records as they were",
            )
