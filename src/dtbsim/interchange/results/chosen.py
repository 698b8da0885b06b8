"""What is written of a run: spikes, series and matrices, all of them or those that are named, in a window of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError, did_you_mean
from dtbsim.interchange.base import Loss, refuse_losses
from dtbsim.interchange.results import series as read
from dtbsim.interchange.results.grid import Grid, decimal, spike_grid
from dtbsim.interchange.results.series import Series
from dtbsim.store import Run
from dtbsim.store.files import RESTORE
from dtbsim.store.region_reader import member_coordinates
from dtbsim.store.run_state import stores_of
from dtbsim.store.signal_readers import bounds_ms
from dtbsim.store.spike_reader import SpikeStore
from dtbsim.store.table_reader import TableReader

if TYPE_CHECKING:
    import xarray as xr

OPTIONS = frozenset({"start_ms", "stop_ms", "signals"})
"""Options of every format of results."""
SPIKES = "spikes"


class Chosen:
    """A run, or what is named of it, in start_ms < t <= stop_ms.

    Raises InputError where the run has not ended and not `lossy`, and for a name that it has not.
    """

    def __init__(
        self,
        run: Run,
        *,
        lossy: bool,
        start_ms: float | None = None,
        stop_ms: float | None = None,
        signals: str | Sequence[str] | None = None,
    ) -> None:
        self.run, self.table = run, run.network_table
        bounds_ms(start_ms, stop_ms)
        self._start_ms, self._stop_ms = start_ms, stop_ms
        self.losses: list[Loss] = _unfinished(run)
        refuse_losses(self.losses, lossy)
        self._stores = self._recorded()
        self._names = self._check([signals] if isinstance(signals, str) else signals)

    @cached_property
    def spikes(self) -> SpikeStore | None:
        """The store of spikes; None where there is none, or it is not asked for."""
        return self.run.spike_store if SPIKES in self._stores and self._wants(SPIKES) else None

    @cached_property
    def steps(self) -> tuple[int, int]:
        """The steps of the window, from that with which the run begins."""
        start, stop = self.run._steps(self._start_ms, self._stop_ms)
        begins = self.run.branch["step"] if self.run.branch is not None else 0
        return max(start, min(begins, stop)), stop

    @property
    def spike_grid(self) -> Grid:
        """Times of spikes by their steps."""
        return spike_grid(self.table.dt_ms)

    @cached_property
    def step_edges(self) -> Grid:
        """Times at which steps begin."""
        return Grid(Fraction(0), decimal(self.table.dt_ms))

    @cached_property
    def series(self) -> list[Series]:
        """All series that are asked for and have a sample."""
        found = [one for one in self._all_series() if self._wants(*_words(one.name))]
        return [one for one in (one.between(self._start_ms, self._stop_ms) for one in found) if one.rows]

    @cached_property
    def members(self) -> dict[str, Any]:
        """Coordinates of the members of an ensemble, by name: values, float or int [members]; {} without one."""
        found = member_coordinates(self.run.network)
        return {name: np.asarray(value[1] if isinstance(value, tuple) else value) for name, value in found.items()}

    @property
    def n_members(self) -> int:
        """Of an ensemble how many; else 0."""
        return len(self.members["member"]) if self.members else 0

    def matrices(self) -> Iterator[tuple[str, xr.DataArray]]:
        """Yield names and values of what was made of all samples: FC, FCD, spectra, phase locking.

        In a window FC and FCD are computed of the stored series; what was made of all samples, or has too few, is a
        loss.
        """
        for name in self._matrix_names:
            try:
                found = self._matrix(name)
            except InputError as error:
                self.lose(f"the signal '{name}'", f"signals.{name}", f"nothing: {error.message}")
                continue
            if not hasattr(found, "dims") or not hasattr(found, "values") or callable(found.values):
                self.lose(f"the signal '{name}'", f"signals.{name}", "nothing: it is no single array")
                continue
            yield _file_name(name), found

    def _matrix(self, name: str) -> Any:
        kind = self.run.config["signals"][name].get("kind")
        if kind not in ("fc", "fcd") or (self._start_ms is None and self._stop_ms is None):
            return self.run.signal(name, self._start_ms, self._stop_ms)
        made = self.run.fc if kind == "fc" else self.run.fcd
        return made(name, self._start_ms, self._stop_ms)

    def others(self) -> list[tuple[str, str]]:
        """Names and keys of what is no spikes, series or matrix: weights, correlations and the like."""
        return [
            (name, key)
            for name, key in self._stores.items()
            if not re.match(r"(spikes|states/.*|rates\.zarr|bold\.zarr|signals/.*)$", name) and self._wants(name)
        ]

    def lose(self, what: str, where: str, instead: str = "nothing") -> None:
        """Note a loss."""
        self.losses.append(Loss(what, where, instead))

    @property
    def everything(self) -> bool:
        """Whether all is asked for that there is."""
        return self._names is None

    def need_something(self) -> None:
        """InputError where nothing was recorded, or nothing of it is in the window."""
        if self.spikes is None and not self.series and not self._matrix_names:
            raise InputError(
                "nothing of this run was recorded here", where=str(self.run.path),
                remedy="choose another window, or run with something recorded",
            )  # fmt: skip

    def need(self, found: object, what: str, remedy: str) -> None:
        """InputError where there is nothing of what the format is for."""
        if not found:
            raise InputError(f"this run has no {what}", where=str(self.run.path), remedy=remedy)

    @property
    def _matrix_names(self) -> list[str]:
        return [name for name in self._entries() if not self._is_series(name) and self._wants(_file_name(name))]

    def _entries(self) -> list[str]:
        stores = (name for name in self._stores if name.startswith("signals/"))
        return [self._checked(name.removeprefix("signals/").removesuffix(".zarr")) for name in stores]

    def _checked(self, name: str) -> str:
        """A name that becomes one of a file; InputError for what only a forged run folder has."""
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise InputError(f"{name!r} is no name of a signal", where=str(self.run.path), remedy=RESTORE)
        return name

    def _is_series(self, name: str) -> bool:
        return bool(TableReader(self._path(f"signals/{name}.zarr"), None).attributes.get("kind") == "signal")

    def _all_series(self) -> Iterator[Series]:
        if "bold.zarr" in self._stores:
            yield read.bold(self._path("bold.zarr"), self.n_members)
        if "rates.zarr" in self._stores:
            yield read.rates(self._path("rates.zarr"), self.table)
        regions = {str(name) for name in self.run.network.get("regions") or ()}
        for name in self._entries():
            if self._is_series(name):
                yield read.signal(self._path(f"signals/{name}.zarr"), _file_name(name), self.n_members, regions)
        for k in sorted(int(name.partition("/")[2]) for name in self._stores if name.startswith("states/")):
            for one in read.states(self.run, k, self.n_members):
                self._checked(one.name)
                yield one

    def _path(self, store: str) -> Any:
        return self.run.stored(store, self._stores[store])

    def _recorded(self) -> dict[str, str]:
        """Names of the stores that are there, or must be, with their keys."""
        folder, must = self.run.path / "stores", self.run.expected_stores()
        return {
            name: key for name, key in stores_of(self.run.config).items() if name in must or (folder / name).is_dir()
        }

    def _check(self, names: Sequence[str] | None) -> frozenset[str] | None:
        """What is asked for; InputError for what the run has not."""
        if not names:
            return None
        known = {word for name in self._known() for word in _words(name)}
        for name in names:
            if name not in known:
                raise InputError(
                    f"this run has no '{name}'", where="--signal", remedy=did_you_mean(str(name), sorted(known))
                )
        return frozenset(names)

    def _known(self) -> Iterable[str]:
        yield from (name for name in (SPIKES,) if name in self._stores)
        yield from (series.name for series in self._all_series())
        yield from (_file_name(name) for name in self._entries() if not self._is_series(name))

    def _wants(self, *words: str) -> bool:
        return self._names is None or any(word in self._names for word in words)


def _file_name(entry: str) -> str:
    """Under which name an entry of `signals` is written: its own, unless something else has it."""
    return f"signal_{entry}" if re.fullmatch(r"spikes|bold|rates|units|electrodes|states(_.*)?", entry) else entry


def _words(name: str) -> tuple[str, ...]:
    """Under which names a series can be asked for: states_0_V_m_mV, states_0, states."""
    found = re.match(r"(states)_\d+(?=_)", name)
    return (name, found.group(0), found.group(1)) if found else (name,)


def _unfinished(run: Run) -> list[Loss]:
    if run.complete:
        return []
    remedy = f"let it end (dtbsim resume {run.path})" if run.state != "running" else "wait for its end"
    return [
        Loss(
            f"the rest of a run that has not ended ({run.state})",
            str(run.path),
            "the part that is stored",
            True,
            remedy,
        )
    ]
