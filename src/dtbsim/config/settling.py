"""`simulation.settling_ms`: where observation begins unless a key says otherwise; and what shortening a run does to it.

These keys follow it where they are not given: `record.spikes.start_ms`, `record.correlations.N.start_ms`,
`bold.discard_ms`, `signals.NAME.start_ms` and `analysis.statistics_start_ms`. None of them, and nothing here, changes
a spike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dtbsim.config.locate import KeyPath, Locator
from dtbsim.config.run import RunConfig
from dtbsim.config.values import Strict

DURATION = ("simulation", "duration_ms")
SETTLING = ("simulation", "settling_ms")


def followers(config: RunConfig) -> Iterator[tuple[KeyPath, Strict, str]]:
    """Yield key path, object and key of everything that follows the settling time unless it is given."""
    if config.record.spikes is not None:
        yield ("record", "spikes", "start_ms"), config.record.spikes, "start_ms"
    for index, pair in enumerate(config.record.correlations):
        yield ("record", "correlations", str(index), "start_ms"), pair, "start_ms"
    if config.bold is not None:
        yield ("bold", "discard_ms"), config.bold, "discard_ms"
    for name, item in config.signals.items():
        yield from ((("signals", name, key), item, key) for key in item.follows)
    yield ("analysis", "statistics_start_ms"), config.analysis, "statistics_start_ms"


def is_given(item: Strict, key: str) -> bool:
    """Whether the key was written, rather than left to its default."""
    return key in item.model_fields_set


def settled(config: RunConfig) -> RunConfig:
    """Return the configuration in which what follows the settling time has it; such keys still count as not given."""
    settling_ms = config.simulation.settling_ms
    if all(is_given(item, key) or getattr(item, key) == settling_ms for _, item, key in followers(config)):
        return config
    spikes, pairs, bold = config.record.spikes, config.record.correlations, config.bold
    record = {"spikes": spikes and spikes.model_copy(), "correlations": [pair.model_copy() for pair in pairs]}
    signals = {name: item.model_copy() for name, item in config.signals.items()}
    parts = {"bold": bold and bold.model_copy(), "analysis": config.analysis.model_copy(), "signals": signals}
    copy = config.model_copy(update={**parts, "record": config.record.model_copy(update=record)})
    for _, item, key in followers(copy):
        if not is_given(item, key):
            item.__dict__[key] = settling_ms  # an assignment would count as given
    return copy


def follow_shorter_run(data: dict[str, Any], locator: Locator) -> list[str]:
    """Change `data` so that a duration given by an override needs no others; return what there is to say about it.

    Observations that would begin at or after the new end follow the settling time, or begin at 0 where that is too
    long as well, and BOLD without a whole volume is left out. What an override gave itself is left alone.
    """
    simulation: Any = data.get("simulation")
    duration: Any = simulation.get("duration_ms") if isinstance(simulation, dict) else None
    if not locator.overridden(DURATION) or not _is_time(duration) or duration <= 0:
        return []
    notices = []
    settling = data["simulation"].get("settling_ms", 0.0)
    if _is_time(settling) and settling >= duration and not locator.overridden(SETTLING):
        data["simulation"]["settling_ms"] = settling = 0.0
        notices.append(f"simulation.settling_ms is not before the end of the shorter run ({duration:g} ms): 0 is used")
    for path in _observations(data):
        parent, key = _parent(data, path)
        if parent is None or locator.overridden(path) or not (_is_time(parent.get(key)) and parent[key] >= duration):
            continue
        notices.append(
            f"{'.'.join(path)} ({parent.pop(key):g} ms) is not before the end of the shorter run ({duration:g} ms): "
            f"{settling if _is_time(settling) else 0:g} ms is used, as simulation.settling_ms says"
        )
    return notices + _without_volume(data, duration, locator)


def never_happens(config: RunConfig) -> list[str]:
    """Say of drives and changes that begin at the end of the run or later: no error, as the run may have been cut."""
    duration = config.simulation.duration_ms
    late = []
    for name, drive in config.drives.items():
        first_ms = drive.start_ms if drive.windows_ms is None else max(drive.start_ms, drive.windows_ms[0][0])
        if first_ms >= duration:
            late.append(
                f"drives.{name} begins at {first_ms:g} ms, after the end of the run ({duration:g} ms): never on"
            )
    for name, change in config.changes.items():
        times_ms = change.times_ms or [change.t_ms]
        if min(times_ms) >= duration:
            late.append(
                f"changes.{name} at {min(times_ms):g} ms is after the end of the run ({duration:g} ms): never made"
            )
        elif max(times_ms) >= duration:
            late.append(f"changes.{name} goes on after the end of the run ({duration:g} ms), and is cut there")
    return late


def _observations(data: dict[str, Any]) -> Iterator[KeyPath]:
    yield ("record", "spikes", "start_ms")
    record = data.get("record")
    pairs = record.get("correlations") if isinstance(record, dict) else None
    for index in range(len(pairs) if isinstance(pairs, list) else 0):
        yield ("record", "correlations", str(index), "start_ms")
    yield ("bold", "discard_ms")
    signals = data.get("signals")
    for name in signals if isinstance(signals, dict) else ():
        yield ("signals", name, "start_ms")
    yield ("analysis", "statistics_start_ms")


def _without_volume(data: dict[str, Any], duration: float, locator: Locator) -> list[str]:
    bold = data.get("bold")
    if (
        not isinstance(bold, dict)
        or locator.overridden(("bold", "tr_ms"))
        or locator.overridden(("bold", "discard_ms"))
    ):
        return []
    tr = bold.get("tr_ms", 720.0)
    discard = bold.get("discard_ms", data["simulation"].get("settling_ms", 0.0))
    if not (_is_time(tr) and _is_time(discard) and tr > 0) or duration >= discard + tr:
        return []
    if duration >= tr:  # without what is discarded there is room
        bold["discard_ms"] = 0.0
        return [f"bold.discard_ms leaves no volume of {tr:g} ms in the shorter run ({duration:g} ms): 0 is used"]
    data["bold"] = None
    return [f"bold is left out: no volume of {tr:g} ms fits into the shorter run ({duration:g} ms)"]


def _parent(data: Any, path: KeyPath) -> tuple[dict[str, Any] | None, str]:
    """Return the mapping that holds the last key of `path`, None where there is none, and this key."""
    for key in path[:-1]:
        if isinstance(data, list) and key.isdigit() and int(key) < len(data):
            data = data[int(key)]
        elif isinstance(data, dict):
            data = data.get(key)
        else:
            return None, path[-1]
    return (data if isinstance(data, dict) else None), path[-1]


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
