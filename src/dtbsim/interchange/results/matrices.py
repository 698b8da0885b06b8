"""Matrices of channels: of one member of an ensemble, and the FC of BOLD where the run has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.interchange.results.chosen import Chosen
from dtbsim.interchange.results.series import Series

if TYPE_CHECKING:
    import xarray as xr


def of_member(matrix: xr.DataArray, member: int) -> xr.DataArray:
    """What a matrix is for one member of an ensemble; one without members is that of all."""
    return matrix.isel(member=member) if "member" in matrix.dims else matrix


def fc_of_bold(chosen: Chosen, series: list[Series]) -> list[tuple[str, xr.DataArray]]:
    """FC of stored BOLD (Pearson correlations of all regions), of every member; a loss where samples are too few."""
    import xarray as xr

    bold = next((one for one in series if one.kind == "bold"), None)
    if bold is None:
        return []
    made = []
    for member in range(max(1, chosen.n_members)):
        own = bold.of_member(member)
        values = xr.DataArray(
            own.values(), dims=("time_ms", "region"),
            coords={"time_ms": own.grid.ms(np.arange(own.rows)), "region": own.columns.names}, name="bold",
        )  # fmt: skip
        try:
            made.append(SIGNALS.find("fc").of_series(values))
        except InputError as error:
            chosen.lose("FC of BOLD", "bold", f"nothing: {error.message}")
            return []
    return [("fc", xr.concat(made, "member", combine_attrs="override") if chosen.n_members else made[0])]
