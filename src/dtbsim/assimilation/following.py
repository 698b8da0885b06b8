"""How well a network with given parameters follows measured BOLD: the measure by which fits compare time series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dtbsim.assimilation.conduct import members_of
from dtbsim.assimilation.follow import Follower
from dtbsim.assimilation.hierarchical import HierarchicalFilter
from dtbsim.assimilation.measured import check_period, divided
from dtbsim.assimilation.settings import Settings
from dtbsim.config import RunConfig
from dtbsim.data import Series
from dtbsim.mpi import SerialComm


def following_error(config: RunConfig, base_dir: Path, series: Series, settings: Settings) -> float:
    """Root mean square error of the forecast of the next volume, in standard deviations of each region's series.

    An ensemble with the parameters of `config`, all of them fixed, follows the whole series: its hidden states alone
    are moved. Forecasts are made before a volume is seen, so that the error is that of prediction and no fit to the
    volume itself; 1 is about that of the mean of the series. The first fifth, in which states are still being found,
    does not count.

    Raises:
        InputError: a configuration or series that `assimilate` would refuse; NumericsError: a state became invalid.
    """
    tr_ms = check_period(series, config.simulation.dt_ms)
    members = members_of(config, base_dir, settings, tr_ms, [], SerialComm())
    try:
        measured = divided(series, members.names, 0.0)
        one = HierarchicalFilter(members, (), (), settings, config.seed, None)
        follower = Follower(one, measured, settings, lambda done, total, what: None)
        course = follower.begin()
        follower.follow(course, lambda course: None)
    finally:
        members.close()
    forecast = (np.stack([volume.forecast for volume in course.volumes]) - course.offset) / course.scale
    begun = len(forecast) // 5
    return float(np.sqrt(np.mean((forecast[begun:] - measured.z[begun:]) ** 2)))
