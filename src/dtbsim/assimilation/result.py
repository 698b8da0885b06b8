"""What an assimilation has found: arrays over time, and a summary with scores on what it has not seen."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.baselines import structural_correlation
from dtbsim.analysis.fc import functional_connectivity
from dtbsim.assimilation.asked import Asked
from dtbsim.assimilation.follow import Course
from dtbsim.assimilation.hierarchical import HierarchicalFilter
from dtbsim.assimilation.measured import Measured
from dtbsim.assimilation.members import Members
from dtbsim.assimilation.settings import Settings
from dtbsim.assimilation.skill import compared, fc_correlation, linear_model, scores
from dtbsim.errors import DtbsimError

F64 = NDArray[np.float64]
LATE = 0.5
"""Estimates are means over the last part of what was followed, as large as this."""


@dataclass(frozen=True, eq=False)
class AssimilationResult:
    """The result of `dtbsim.assimilate`.

    summary: what summary.json holds.
    arrays: what assimilation.npz holds; over time of all volumes, followed first, then held out:
        time_s float64[t]; region, state, parameter, shared_parameter: names; measured float64[t, region];
        forecast, forecast_sd float64[t, region]: of each volume before it was seen, both in measured standard
        deviations; states, states_sd float32[t, region, state]; parameters, parameters_sd float64[t, region, k];
        shared, shared_sd float64[t, k]; free float32[held out, member, region]; starts int64[s], forecasts
        float64[s, lead, region]; fc_measured, fc_free, fc_linear float64[region, region] of what was held out.
    """

    summary: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @property
    def parameters(self) -> dict[str, dict[str, float] | float]:
        """The estimate of every free parameter: by region, or one number."""
        found: dict[str, dict[str, float] | float] = self.summary["parameters"]
        return found

    def values(self) -> dict[str, Any]:
        """The same as values of a configuration."""
        return {k: {"regions": v} if isinstance(v, dict) else v for k, v in self.parameters.items()}


def summarised(
    asked: Asked, members: Members, one: HierarchicalFilter, measured: Measured, course: Course, wall_s: float
) -> AssimilationResult:
    """Everything about a course that has ended."""
    arrays = _arrays(one, members, measured, course)
    late = slice(int((1 - LATE) * measured.followed), measured.followed)
    found: dict[str, Any] = {}
    for k, free in enumerate(one.regional):
        means = arrays["parameters"][late, :, k].mean(axis=0)
        found[free.key] = dict(zip(members.names, means.tolist(), strict=True))
    for k, free in enumerate(one.shared):
        found[free.key] = float(arrays["shared"][late, k].mean())
    followed = slice(0, measured.followed)
    summary: dict[str, Any] = {
        "held_out_volumes": measured.held_out,
        "followed_volumes": measured.followed,
        "tr_s": measured.tr_s,
        "regions": len(members.names),
        "settings": dataclasses.asdict(asked.settings),
        "seed": asked.config.seed,
        "parameters": found,
        "one_step_followed": scores(arrays["forecast"][followed, None], arrays["measured"][followed, None]),
        "notices": list(measured.notices),
        "wall_s": round(wall_s, 3),
    }
    summary["warnings"] = _warnings(one, measured, arrays, asked.settings)
    if measured.held_out:
        _held_out(summary, arrays, members, measured, course)
    return AssimilationResult(summary, arrays)


def _arrays(one: HierarchicalFilter, members: Members, measured: Measured, course: Course) -> dict[str, NDArray[Any]]:
    def stacked(name: str) -> F64:
        return np.stack([getattr(volume, name) for volume in course.volumes])

    found: dict[str, NDArray[Any]] = {
        "time_s": measured.tr_s * np.arange(1, len(measured.z) + 1),
        "region": np.array(members.names),
        "state": np.array(one.state_names),
        "parameter": np.array([free.key for free in one.regional], dtype=np.str_),
        "shared_parameter": np.array([free.key for free in one.shared], dtype=np.str_),
        "measured": measured.z,
        "forecast": (stacked("forecast") - course.offset) / course.scale,
        "forecast_sd": stacked("forecast_sd") / course.scale,
        "bold_offset": course.offset,
        "bold_scale": course.scale,
    }
    for name in ("states", "states_sd"):
        found[name] = stacked(name).astype(np.float32)
    for name in ("parameters", "parameters_sd", "shared", "shared_sd"):
        found[name] = stacked(name)
    if course.free is not None:
        found |= {"free": course.free.astype(np.float32), "starts": np.array(course.starts, np.int64)}
        found["forecasts"] = np.array(course.forecasts).reshape(len(course.starts), -1, len(members.names))
    return found


def _held_out(
    summary: dict[str, Any], arrays: dict[str, NDArray[Any]], members: Members, measured: Measured, course: Course
) -> None:
    """Scores of forecasts and of the free run, beside what needs no model of the brain."""
    z, split = measured.z, measured.followed
    linear = linear_model(z[:split])
    if course.starts:
        summary["skill"] = compared(z, arrays["starts"], arrays["forecasts"], linear)
    each = np.arange(split - 1, len(z) - 1)
    summary["one_step"] = compared(z, each, arrays["forecast"][split:, None], linear)
    assert course.free is not None
    mean = course.free.mean(axis=1)
    summary["free_run"] = {
        **{name: value[0] for name, value in scores(mean[None].swapaxes(0, 1), z[split:, None]).items()},
        "linear": {
            name: value[0]
            for name, value in scores(
                linear.forecasts(z[split - 1 : split], len(mean))[0][:, None], z[split:, None]
            ).items()
        },
    }
    followed, held = (
        functional_connectivity(z[:split], constant="nan"),
        functional_connectivity(z[split:], constant="nan"),
    )
    free = np.mean(
        [functional_connectivity(course.free[:, k], constant="nan") for k in range(course.free.shape[1])], axis=0
    )
    arrays |= {"fc_measured": held, "fc_free": free, "fc_linear": linear.fc()}
    fc: dict[str, Any] = {
        "free_run": fc_correlation(free, held),
        "linear": fc_correlation(linear.fc(), held),
        "followed_part": fc_correlation(followed, held),
    }
    atlas = members.network.atlas
    if atlas is not None:
        order = [list(atlas.region_names).index(name) for name in members.names]
        try:
            fc["structure"] = structural_correlation(np.asarray(atlas.weights)[np.ix_(order, order)], held)
        except DtbsimError:  # weights that are all the same, or FC that is not finite, have no correlation
            fc["structure"] = None
    summary["fc"] = fc


def _warnings(
    one: HierarchicalFilter, measured: Measured, arrays: dict[str, NDArray[Any]], settings: Settings
) -> list[str]:
    """What a reader should know before using the numbers."""
    found = []
    if not measured.held_out:
        found.append("Nothing was held out: no score says how the model does on data that it has not seen.")
    if settings.scheme == "global" and one.n < 2 * len(measured.names):
        found.append(
            f"With {one.n} members and {len(measured.names)} regions chance correlations between regions move "
            "everything (scheme global): use own, diffusion or local, or many more members."
        )
    last = measured.followed - 1
    for k, free in enumerate(one.regional):
        low, high = free.low, free.high
        edge = 0.02 * (high - low)
        at = arrays["parameters"][last, :, k]
        stuck = int(((at < low + edge) | (at > high - edge)).sum())
        if stuck:
            found.append(f"{free.key} is at a bound in {stuck} of {at.size} regions: widen {low:g}:{high:g}.")
        first, end = arrays["parameters_sd"][0, :, k], arrays["parameters_sd"][last, :, k]
        if np.median(end) > 0.8 * np.median(first):
            found.append(f"{free.key} is hardly informed by these data: its spread stays at that of its prior.")
    for k, free in enumerate(one.shared):
        if arrays["shared_sd"][last, k] > 0.8 * arrays["shared_sd"][0, k]:
            found.append(f"{free.key} is hardly informed by these data: its spread stays at that of its prior.")
    return found
