"""What a run gives of its series and of what is made of them, with time windows; `Run` has these methods."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dtbsim.arguments import number
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.store.run_state import entries_of_kind
from dtbsim.store.signals import read_entry

if TYPE_CHECKING:
    import xarray as xr

MEMBERS = "bold_members.zarr"
"""Sums over the BOLD of every member of an ensemble."""
RECORDED = ("rates", "bold")
"""Series that are no entries of `signals`."""


class _Kind(Protocol):
    """What is needed of a kind that can be made of a stored series."""

    def of_series(self, series: xr.DataArray, **options: Any) -> xr.DataArray: ...


class SignalReaders:
    """The series of a run, and what is made of them, as xarray objects with units."""

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, as plain dictionaries and lists."""
        raise NotImplementedError

    def _read(self, kind: str, which: Any = None, *window: float) -> Any:
        raise NotImplementedError

    def rates(self, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
        """Return the population rates in Hz, (time_ms, population).

        time_ms is the start of a bin, which holds the spikes with time_ms < t <= time_ms + bin_ms. A window
        start_ms < t <= stop_ms has the bins that lie in it.
        """
        return cut(self._read("rates"), start_ms, stop_ms)

    def bold(self, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
        """Return the BOLD signal of start_ms < t <= stop_ms, (time_s, region), as fractions of the resting signal."""
        return cut(self._read("bold"), start_ms, stop_ms)

    def eeg(self, name: str | None = None, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
        """Return EEG of start_ms < t <= stop_ms, (time_ms, channel); `name` where there are several entries of it."""
        return self._signal_of("eeg", name, start_ms, stop_ms)

    def meg(self, name: str | None = None, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
        """Return MEG of start_ms < t <= stop_ms, (time_ms, channel); `name` where there are several entries of it."""
        return self._signal_of("meg", name, start_ms, stop_ms)

    def lfp(self, name: str | None = None, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
        """Return LFP of start_ms < t <= stop_ms, (time_ms, channel), channels being regions."""
        return self._signal_of("lfp", name, start_ms, stop_ms)

    def feedback_inhibition(self, name: str | None = None) -> xr.Dataset:
        """Return `J_i` (nA) that feedback inhibition arrived at and `rate_hz` beside it, by region (and member).

        `name` of the controller, where there are several.
        """
        found: xr.Dataset = self._read("feedback_inhibition", name)
        return found

    def fc(
        self,
        name: str | None = None,
        start_ms: float | None = None,
        stop_ms: float | None = None,
        *,
        of: str | None = None,
    ) -> xr.DataArray:
        """Return functional connectivity, (channel, other): correlations of every two channels.

        Args:
            name: entry of `signals` with `kind: fc`; default: the only one.
            start_ms, stop_ms: with a window, it is computed of the samples of start_ms < t <= stop_ms.
            of: series of which it is computed: an entry of `signals`, `bold` or `rates`. Default: that of the entry, or
                BOLD where there is no entry.

        Raises:
            InputError: no such entry, or a series that was not stored.
        """
        return self._made("fc", name, start_ms, stop_ms, of)

    def fcd(
        self,
        name: str | None = None,
        start_ms: float | None = None,
        stop_ms: float | None = None,
        *,
        of: str | None = None,
        window_s: float | None = None,
        step_s: float | None = None,
    ) -> xr.DataArray:
        """Return the dynamics of FC, (time_s, other_s): correlations of the FC of every two windows.

        Args as of `fc`, and `window_s` and `step_s`, the length of windows and the way from one to the next (default:
        those of the entry, or 60 and 2.16 s).
        """
        given = {
            key: number(value, key, above=0) for key, value in (("window_s", window_s), ("step_s", step_s)) if value
        }
        return self._made("fcd", name, start_ms, stop_ms, of, **given)

    def signal(self, name: str, start_ms: float | None = None, stop_ms: float | None = None) -> Any:
        """Return an entry of `signals`, usually (time_ms, channel); `run.NAME()` is that of this name or kind.

        Series are cut to start_ms < t <= stop_ms.
        """
        return cut(read_entry(self, name), start_ms, stop_ms)  # type: ignore[arg-type]

    def series(self, name: str, start_ms: float | None = None, stop_ms: float | None = None) -> Any:
        """Return an entry of `signals`, or `rates` or `bold`, as `signal` does."""
        if name in (self.config.get("signals") or {}) or name not in RECORDED:
            return self.signal(name, start_ms, stop_ms)
        return cut(self._read(name), start_ms, stop_ms)

    def export(
        self,
        name: str,
        file: Path | str,
        start_ms: float | None = None,
        stop_ms: float | None = None,
        *,
        labels: Path | str | None = None,
    ) -> Path:
        """Write `bold`, `rates`, an entry of `signals`, `fc` or `fcd` to a file, whose name says in which form.

        `.csv`; `.tsv` with a `.json` beside it that says units and sampling, as BIDS has it; `.fif`, for MNE (extra
        `mne`); `.nii` or `.nii.gz`, an image of series of regions (extra `nifti`), with `labels`, the label image of
        the atlas. Returns the path of the file. InputError for another name, and for what does not fit the form.
        """
        from dtbsim.store.export import export

        return export(self, name, Path(file), start_ms, stop_ms, labels=None if labels is None else Path(labels))

    def to_mne(self, name: str, start_ms: float | None = None, stop_ms: float | None = None) -> Any:
        """Return a series as mne.io.RawArray, with the places of sensors, in SI units; needs the extra `mne`."""
        from dtbsim.store.export_mne import to_raw

        return to_raw(self.series(name, start_ms, stop_ms))

    def to_nifti(
        self, name: str, labels: Path | str, start_ms: float | None = None, stop_ms: float | None = None
    ) -> Any:
        """Return a series of regions as a nibabel image in time, by the label image of the atlas; needs `nifti`."""
        from dtbsim.store.export_nifti import to_image

        return to_image(self.series(name, start_ms, stop_ms), Path(labels), self.config)

    def _signal_of(self, kind: str, name: str | None, start_ms: float | None, stop_ms: float | None) -> xr.DataArray:
        found: xr.DataArray = self.signal(self._entry_of(kind, name), start_ms, stop_ms)
        return found

    def _entry_of(self, kind: str, name: str | None) -> str:
        """The entry that is named, or has the name of the kind, or is the only one of it; InputError else."""
        entries = self.config.get("signals") or {}
        if name is not None:
            return name
        if kind in entries:
            return kind
        of_kind = entries_of_kind(self.config, kind)
        if len(of_kind) == 1:
            return of_kind[0]
        if of_kind:
            several = ", ".join(of_kind)
            raise InputError(
                f"this run has several entries of kind {kind}: {several}", where=str(self.path), remedy="name one"
            )
        raise InputError(
            f"this run has no {kind.upper()}",
            where=str(self.path),
            remedy=f"run with an entry of `signals` with kind: {kind}",
        )

    def _made(
        self,
        kind: str,
        name: str | None,
        start_ms: float | None,
        stop_ms: float | None,
        of: str | None,
        **options: float,
    ) -> xr.DataArray:
        """What an entry has stored, or the same of a stored series."""
        entries = self.config.get("signals") or {}
        asked = name is not None or (of is None and bool(kind in entries or entries_of_kind(self.config, kind)))
        entry = self._entry_of(kind, name) if asked else None
        if entry is not None and of is None and start_ms is None and stop_ms is None and not options:
            stored: xr.DataArray = self.signal(entry)
            return stored
        known = entries.get(entry) or {}
        if of is None:
            of = str(known.get("of", "bold"))
            start_ms = known.get("start_ms") if start_ms is None else start_ms
        members = self.path / "stores" / MEMBERS
        if kind == "fc" and of == "bold" and start_ms is None and stop_ms is None and members.is_dir():
            of_members: xr.DataArray = SIGNALS.find("fc").of_sums(members, self)
            return of_members
        if kind == "fcd":
            options = {
                key: float(known.get(key, default)) for key, default in (("window_s", 60.0), ("step_s", 2.16))
            } | options
        made: _Kind = SIGNALS.find(kind)
        return made.of_series(self.series(of, start_ms, stop_ms), **options)


def cut(data: Any, start_ms: float | None, stop_ms: float | None) -> Any:
    """Return the samples of start_ms < t <= stop_ms of a series; of bins those that lie in it.

    InputError where a window is given for what has no times.
    """
    begin_ms, finish_ms = bounds_ms(start_ms, stop_ms)
    if start_ms is None and stop_ms is None:
        return data
    dim = next((dim for dim in ("time_ms", "time_s") if dim in data.dims and "other_s" not in data.dims), None)
    if dim is None:
        raise InputError(
            f"'{data.name}' was made of all samples of the run, so that it has no window",
            remedy="leave start_ms and stop_ms out, or compute it of the stored series",
        )
    ends_ms = data[dim].values * (1.0 if dim == "time_ms" else 1e3)
    width_ms = float(data.attrs.get("bin_ms", 0.0))
    slack = 1e-9 * max(1.0, float(abs(ends_ms).max(initial=0.0)))
    inside = (ends_ms + width_ms <= finish_ms + slack) & (
        ends_ms >= begin_ms - slack if width_ms else ends_ms > begin_ms + slack
    )
    return data.isel({dim: inside})


def bounds_ms(start_ms: float | None, stop_ms: float | None) -> tuple[float, float]:
    """Return the two ends of a time window, infinite where none is given."""
    begin_ms = -math.inf if start_ms is None else number(start_ms, "start_ms")
    finish_ms = math.inf if stop_ms is None else number(stop_ms, "stop_ms")
    if not begin_ms < finish_ms:
        raise InputError(f"start_ms ({begin_ms:g}) must be before stop_ms ({finish_ms:g})")
    return begin_ms, finish_ms
