"""Simulates settings of a configuration, as runs of one sweep; mean-field ones side by side as members of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dtbsim.backends.threads import usable_cores
from dtbsim.config.python_values import plain_data
from dtbsim.given import Source
from dtbsim.spec.ensemble import may_differ
from dtbsim.sweeps import sweep
from dtbsim.sweeps.conduct import THREADS
from dtbsim.sweeps.pool import Executor, ProcessPool
from dtbsim.tuning.observe import Watched, observe

Setting = Mapping[str, Any]
Seen = dict[str, Any]
_OF_A_SWEEP = ("error", "folder", "seconds", "spikes", "spike_hash", "mean_rate_hz")
_RATES_OF_A_SWEEP = "rate_hz."
"""Columns of every sweep, beside those that are observed."""


@dataclass
class Bench:
    """Where settings are tried. Nothing that is seen depends on how many workers there are.

    `base` is set for all of them. `folder` keeps the runs: what is in it is not simulated again. `side_by_side`:
    settings are members of an ensemble, where they may be.
    """

    source: Source
    base: dict[str, Any]
    watched: Watched
    side_by_side: bool
    folder: Path | None = None
    workers: int | None = None
    executor: Executor | ProcessPool | None = None
    runs: int = field(default=0, init=False)
    """Settings that were seen."""
    _known: dict[str, Seen] = field(default_factory=dict, init=False)

    def see(self, settings: Sequence[Setting]) -> list[Seen]:
        """What is seen with each of the settings; where a run fails, `error`."""
        new = {_key(setting): setting for setting in settings if _key(setting) not in self._known}
        self.runs += len(new)
        alone: list[Setting] = []
        for group in _groups(list(new.values())) if self.side_by_side else [[one] for one in new.values()]:
            if len(group) == 1 or not self._members(group):
                alone += group
        for setting, seen in zip(alone, self._sweep(alone), strict=True):
            self._known[_key(setting)] = seen
        return [self._known[_key(setting)] for setting in settings]

    def look(self, setting: Setting, watched: Watched) -> Seen:
        """What is seen with one setting by other means: spikes are recorded, or it is longer."""
        return replace_watched(self, watched)._sweep([setting])[0]

    def _members(self, group: Sequence[Setting]) -> bool:
        """Simulate settings as one run, and keep what is seen of each; False where that fails."""
        members = [{key: value for key, value in one.items() if may_differ(key)} for one in group]
        common = {key: value for key, value in group[0].items() if not may_differ(key)}
        row = self._sweep([{**common, "ensemble": {"members": members}}], together=True)[0]
        found = row.get("members")
        if not isinstance(found, list):
            return False
        for setting, seen in zip(group, found, strict=True):
            self._known[_key(setting)] = dict(seen)
        return True

    def _sweep(self, settings: Sequence[Setting], together: bool = False) -> list[Seen]:
        """Simulate each as a run of its own; `together`: the runs have all cores, one after the other."""
        if not settings:
            return []
        base = dict(self.base)
        if together:
            base.setdefault(THREADS, self.workers or usable_cores())
        table = sweep(
            self.source,
            [dict(setting) for setting in settings],
            out=self.folder,
            set=base,
            workers=self.workers,
            executor=self.executor,
            measure=partial(observe, watched=self.watched),
            progress=False,
        )
        others = {*_OF_A_SWEEP, *(key for setting in settings for key in setting)}
        observed = [name for name in table if name not in others and not name.startswith(_RATES_OF_A_SWEEP)]
        return [
            {key: row[key] for key in observed if _is(row[key])}
            | ({} if row["error"] is None else {"error": row["error"]})
            for row in table.to_dict("records")
        ]


def replace_watched(bench: Bench, watched: Watched) -> Bench:
    """The same bench, which sees other things, each setting anew."""
    return replace(bench, watched=watched)


def _is(value: Any) -> bool:
    """Whether a cell of the table holds something: None, and NaN for a column that other runs have, are nothing."""
    return value is not None and not (isinstance(value, float) and value != value)


def _key(setting: Setting) -> str:
    return json.dumps(plain_data(dict(setting))[0], sort_keys=True, default=repr)


def _groups(settings: Sequence[Setting]) -> list[list[Setting]]:
    """Settings that differ only in what may differ between members of an ensemble."""
    groups: dict[str, list[Setting]] = {}
    for one in settings:
        groups.setdefault(_key({key: value for key, value in one.items() if not may_differ(key)}), []).append(one)
    return list(groups.values())
