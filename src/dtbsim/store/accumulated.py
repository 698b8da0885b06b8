"""Sums over the samples of a signal (spectra, FC, phase locking): snapshots of them, of which the last counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.store.files import RESTORE
from dtbsim.store.table_reader import TableReader
from dtbsim.store.table_writer import Column, TableWriter, rows_per_chunk
from dtbsim.units import squared

if TYPE_CHECKING:
    import xarray as xr

F64 = NDArray[np.float64]


class AccumulatedWriter:
    """Writes snapshots of growing sums to `path`: how many samples they are of, and arrays of the given `shapes`."""

    def __init__(self, path: Path, attributes: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
        columns = [
            Column(name, "<f8", np.nan, shape, tuple(f"{name}_{k}" for k in range(len(shape))))
            for name, shape in shapes.items()
        ]
        row_bytes = 8 + 8 * sum(int(np.prod(shape)) for shape in shapes.values())
        self._table = TableWriter(
            path,
            [Column("count", "<i8", -1), *columns],
            chunk_rows=rows_per_chunk(row_bytes, 1 << 16),
            axis="snapshot",
            attributes={**attributes, "kind": "accumulated", "sums": list(shapes)},
        )

    @property
    def due(self) -> bool:
        """Whether the last snapshot is old enough for another one."""
        return self._table.flush_due

    @property
    def usable(self) -> bool:
        """False once the store was closed or a write failed."""
        return self._table.usable

    def append(self, count: int, sums: Mapping[str, F64]) -> None:
        """Add a snapshot. Raises StorageError when the disk does not take it."""
        self._table.append({"count": np.array([count]), **{name: values[None] for name, values in sums.items()}})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


@dataclass(frozen=True, eq=False)
class Accumulated:
    """The last snapshot: `count` samples, `values` by name; of what it is made (`of`, its channels, unit, interval)."""

    count: int
    values: dict[str, F64]
    of: str
    channels: list[str]
    unit: str
    interval_ms: float
    name: str
    path: Path
    segment: int
    """Samples of a segment, of spectra; else 0."""


def read_accumulated(path: Path) -> Accumulated:
    """Return the last snapshot; InputError where there is none yet."""
    table = TableReader(path, "accumulated")
    last = table.rows - 1
    names = [str(name) for name in table.attribute("sums")]
    if last < 0:
        raise InputError("nothing has been summed up yet", where=str(path), remedy="wait for the run to go on")
    return Accumulated(
        count=int(table.read("count", last)[0]),
        values={name: np.asarray(table.read(name, last)[0], np.float64) for name in names},
        of=str(table.attribute("of")),
        channels=[str(channel) for channel in table.attribute("channels")],
        unit=str(table.attribute("unit")),
        interval_ms=float(table.attribute("interval_ms")),
        name=path.stem,
        path=path,
        segment=int(table.attributes.get("segment", 0)),
    )


def square(
    values: F64, found: Accumulated, kind: str, attributes: Mapping[str, Any], members: Mapping[str, Any]
) -> xr.DataArray:
    """Numbers of all pairs of channels as xarray, float64 (channel, other), with coordinates `members` (member, ...).

    `values` are [members, channels, channels].
    """
    import xarray as xr

    n = len(found.channels)
    if values.shape[1:] != (n, n) or (len(values) > 1) > bool(members):
        raise InputError(f"{n} channels, but values {values.shape}", where=str(found.path), remedy=RESTORE)
    return xr.DataArray(
        values if members else values[0],
        dims=("member", "channel", "other") if members else ("channel", "other"),
        coords={"channel": found.channels, "other": found.channels, **members},
        name=found.name,
        attrs={"kind": kind, "of": found.of, **attributes},
    )


def spectrum(found: Accumulated, members: Mapping[str, Any]) -> xr.DataArray:
    """Power densities as xarray, float64 (frequency_hz, channel), with coordinates `members` (.., member, channel)."""
    import xarray as xr

    power = found.values["power"]
    segments, samples = found.count, found.segment
    frequency = np.arange(len(power)) / (samples * found.interval_ms * 1e-3)
    if not segments:
        power = np.full_like(power, np.nan)
    if members:
        power = power.reshape(len(power), power.shape[1] // len(found.channels), len(found.channels))
    return xr.DataArray(
        power,
        dims=("frequency_hz", "member", "channel") if members else ("frequency_hz", "channel"),
        coords={"frequency_hz": frequency, "channel": found.channels, **members},
        name=found.name,
        attrs={
            "units": f"{squared(found.unit)}/Hz",
            "kind": "spectrum",
            "of": found.of,
            "segments": segments,
            "segment_ms": samples * found.interval_ms,
        },
    )
