"""Series and matrices in NWB: TimeSeries, and ElectricalSeries of EEG, with tables that say what their columns are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.interchange.results.chosen import Chosen
from dtbsim.interchange.results.nwb_pieces import packed, pieces
from dtbsim.interchange.results.sensors import places_of
from dtbsim.interchange.results.series import Series

if TYPE_CHECKING:
    import xarray as xr

SI = {
    "uV": ("volts", 1e-6), "mV": ("volts", 1e-3), "V": ("volts", 1.0),
    "fT": ("tesla", 1e-15), "T": ("tesla", 1.0), "fT/cm": ("tesla/meter", 1e-13),
    "pA": ("amperes", 1e-12), "nA": ("amperes", 1e-9), "nS": ("siemens", 1e-9), "pF": ("farads", 1e-12),
    "Hz": ("hertz", 1.0), "kHz": ("hertz", 1e3), "ms": ("seconds", 1e-3), "s": ("seconds", 1.0),
}  # fmt: skip
"""What NWB has of our units: the name, and what makes it of a value (`conversion`); values stay as they are."""
_MODULES = {
    "bold": ("ophys", "BOLD of regions"),
    "eeg": ("ecephys", "signals of electrodes and sensors"),
    "meg": ("ecephys", "signals of electrodes and sensors"),
    "lfp": ("ecephys", "signals of electrodes and sensors"),
}
_OTHER = ("misc", "what was made of the states of the network while it ran")


def add_series(pynwb: Any, file: Any, chosen: Chosen, series: Series) -> None:
    """Add a series: states of neurons and regions to the acquisition, all else to a processing module."""
    unit, conversion = SI.get(series.unit, (series.unit, 1.0))
    at = {"starting_time": float(series.grid.seconds([0])[0]), "rate": series.grid.rate_hz}
    shape = (series.rows, len(series.columns.names))
    data = pieces(series.blocks(), shape, series.dtype)
    about = {"description": series.about, "comments": _comments(series)}
    if series.kind == "eeg" and unit == "volts" and series.columns.members is None:
        region = _electrodes(pynwb, file, series)
        made = pynwb.ecephys.ElectricalSeries(
            name=series.name, data=data, electrodes=region, conversion=conversion, **at, **about
        )
        _module(file, series.kind).add(made)
        return
    made = pynwb.TimeSeries(name=series.name, data=data, unit=unit, conversion=conversion, **at, **about)
    if series.kind == "states":
        file.add_acquisition(made)
    else:
        _module(file, series.kind).add(made)
    _module(file, series.kind).add(_columns(chosen, series))


def add_matrix(pynwb: Any, file: Any, chosen: Chosen, name: str, matrix: xr.DataArray) -> bool:
    """Add a square matrix of channels as a table, a row for each channel; of other shapes a loss."""
    from hdmf.common import DynamicTable, VectorData

    if matrix.ndim != 2 or matrix.dims != ("channel", "other"):
        chosen.lose(f"the signal '{name}'", f"signals.{name}", "nothing: it is no matrix of channels")
        return False
    kind, of = str(matrix.attrs.get("kind", matrix.name)), str(matrix.attrs.get("of", ""))
    values = VectorData(
        name="values", description=f"{kind} with every channel, in the order of the rows", data=packed(matrix.values)
    )
    names = VectorData(
        name="channel", description="name of the channel", data=[str(c) for c in matrix["channel"].values]
    )
    _module(file, kind).add(
        DynamicTable(name=name, description=f"{kind} of every two channels of {of}.", columns=[names, values])
    )
    return True


def _comments(series: Series) -> str:
    what = "Each value is that of the interval that begins at its time. " if series.bin else ""
    return (
        f"{what}Values are in {series.unit}. Columns: see the table {series.name}_columns."
        if series.kind != "eeg"
        else (f"Values are in {series.unit}.")
    )


def _module(file: Any, kind: str) -> Any:
    name, about = _MODULES.get(kind, _OTHER)
    return file.processing[name] if name in file.processing else file.create_processing_module(name, about)


def _columns(chosen: Chosen, series: Series) -> Any:
    """What the columns of a series are, a row for each."""
    from hdmf.common import DynamicTable, VectorData

    columns = series.columns
    found: dict[str, tuple[str, Any]] = {"column": ("name of the column", columns.names)}
    if columns.gids is not None:
        found["gid"] = ("number of the neuron in the whole network, from 0", columns.gids)
    if columns.populations is not None:
        found["population"] = ("name of the population", columns.populations)
    if columns.regions is not None and any(columns.regions):
        found["region"] = ("region of the atlas", columns.regions)
    if columns.members is not None:
        found["member"] = ("member of the ensemble, from 0", columns.members)
        for name, values in chosen.members.items():
            if name != "member":
                texts = values.tolist() if values.dtype.kind in "iuf" else [str(value) for value in values]
                found[name.replace("/", "_")] = (
                    f"{name} of the member", np.array(texts)[columns.members] if values.dtype.kind in "iuf"
                    else [texts[m] for m in columns.members.tolist()],
                )  # fmt: skip
    if series.kind == "meg":
        found |= _places(series)
    return DynamicTable(
        name=f"{series.name}_columns",
        description=f"What the columns of the data of {series.name} are, in their order.",
        columns=[VectorData(name=name, description=text, data=packed(data)) for name, (text, data) in found.items()],
    )


def _electrodes(pynwb: Any, file: Any, series: Series) -> Any:
    """Electrodes of an entry of EEG, and the rows of the table that are its columns."""
    device = file.devices["simulated head"] if "simulated head" in file.devices else file.create_device(
        name="simulated head", description="Lead field from the regions of the atlas to electrodes on the scalp."
    )  # fmt: skip
    group = file.create_electrode_group(
        name=series.name, description=f"Electrodes of the signal {series.name}.", location="scalp", device=device
    )
    if file.electrodes is None:
        file.add_electrode_column(
            "label", "name of the electrode in the 10-05 system, or in the file of the lead field"
        )
        for axis in "xyz":
            file.add_electrode_column(f"head_{axis}", f"{axis} (right, front, up) on a spherical head of radius 1")
    first = len(file.electrodes)
    places = {name: values for name, (_, values) in _places(series).items()}
    unknown = np.full(len(series.columns.names), np.nan)
    for k, name in enumerate(series.columns.names):
        at = {f"head_{axis}": float(places.get(f"head_{axis}", unknown)[k]) for axis in "xyz"}
        file.add_electrode(group=group, location="scalp", label=name, **at)
    rows = list(range(first, first + len(series.columns.names)))
    return file.create_electrode_table_region(rows, f"columns of the data of {series.name}")


def _places(series: Series) -> dict[str, tuple[str, Any]]:
    """Columns with the places of sensors, where they are known."""
    found = places_of(series.columns.names, series.kind)
    if found is None:
        return {}
    places, about = found
    return {f"head_{axis}": (f"{axis} (right, front, up) {about}", places[:, k]) for k, axis in enumerate("xyz")}
