"""What a fit makes small or large: distances between simulated and measured data, by name."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.fc import fc_correlation, upper_triangle
from dtbsim.analysis.fcd import fcd_matrix, fcd_values, ks_distance, ks_distance_to_histogram
from dtbsim.errors import InputError
from dtbsim.fitting.simulated import Simulated
from dtbsim.fitting.target import Target
from dtbsim.registry import Registry

F64 = NDArray[np.float64]
BANDS_HZ = {"delta": (1.0, 4.0), "theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 45.0)}
_OF_SERIES = ("members", "noise", "settle_s", "match_s", "model_units")
SPECTRUM = "fit_spectrum"
"""The entry of `signals` that a fit of spectra adds to a configuration."""


@dataclass(frozen=True)
class Objective:
    """A measure of how alike simulation and data are.

    `score(simulated, target, options)` is a number; with `best: largest` 1 - score is made small, else the score.
    `needs` says what must be simulated ("bold", "rates", "spectrum"), `of` which part of the data it takes.
    """

    name: str
    score: Callable[[Simulated, Target, Mapping[str, str]], float]
    best: Literal["largest", "smallest"] = "smallest"
    needs: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    label: str = ""

    def loss(self, score: float) -> float:
        """What is made small."""
        return 1.0 - score if self.best == "largest" else score


def _fc(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    assert target.fc is not None
    return fc_correlation(simulated.fc, target.fc)


def _fc_mse(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    assert target.fc is not None
    return float(np.mean((upper_triangle(simulated.fc) - upper_triangle(target.fc)) ** 2))


def _fcd(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    fcd = fcd_matrix(simulated.bold, simulated.tr_s, window_s=target.fcd_window_s, step_s=target.fcd_step_s)
    if target.fcd_values is not None:
        return ks_distance(fcd_values(fcd), target.fcd_values)
    assert target.fcd_counts is not None
    assert target.fcd_edges is not None
    return ks_distance_to_histogram(fcd_values(fcd), target.fcd_counts, target.fcd_edges)


def _rates(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    """Root mean square of the logarithms (base 2) of rates over wanted ones."""
    wrong = []
    for name, wanted in options.items():
        if name not in simulated.rates_hz:
            known = ", ".join(simulated.rates_hz) or "none"
            raise InputError(f"there is no rate of '{name}'", where="--objective rates", remedy=f"known: {known}")
        wrong.append(math.log2(max(simulated.rates_hz[name], 1e-3) / float(wanted)))
    return float(np.sqrt(np.mean(np.square(wrong))))


def measured_spectrum(target: Target, frequencies: F64) -> F64:
    """Mean power density of the measured series at these frequencies (Welch), for segments as long as the model's."""
    from scipy.signal import welch

    assert target.series is not None
    assert target.interval_s is not None
    samples = round(1.0 / ((frequencies[1] - frequencies[0]) * target.interval_s))
    if samples < 8 or samples > len(target.series):
        what = f"the series of {len(target.series) * target.interval_s:g} s has no spectrum in steps of"
        raise InputError(f"{what} {frequencies[1] - frequencies[0]:g} Hz", where="--to", remedy="give a longer series")
    at, density = welch(target.series, 1.0 / target.interval_s, nperseg=samples, axis=0)
    return np.asarray(np.interp(frequencies, at, density.mean(axis=1), right=np.nan))


def _shares(simulated: Simulated, target: Target, options: Mapping[str, str]) -> tuple[F64, F64, F64]:
    """Frequencies within the band, and the shares of power there, simulated and measured, means over channels."""
    frequencies, density = simulated.spectrum(SPECTRUM)
    assert target.interval_s is not None
    low, high = float(options.get("low_hz", 1.0)), float(options.get("high_hz", 45.0))
    inside = (frequencies >= low) & (frequencies <= min(high, 0.5 / target.interval_s))
    measured = measured_spectrum(target, frequencies)[inside]
    made = density.mean(axis=1)[inside]
    if made.size < 3:
        raise InputError(f"{made.size} frequencies between {low:g} and {high:g} Hz", where="--objective spectrum")
    return frequencies[inside], made / made.sum(), measured / measured.sum()


def _spectrum(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    """Log-spectral distance (dB): root mean square of 10 log10 of the quotient of the shares of power."""
    _, made, measured = _shares(simulated, target, options)
    return float(np.sqrt(np.mean((10.0 * np.log10(made / measured)) ** 2)))


def _bands(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    """Sum over the bands of the differences of their shares of power, halved: 0 the same, 1 nothing in common."""
    frequencies, made, measured = _shares(simulated, target, options)
    wrong = [
        abs(made[inside].sum() - measured[inside].sum())
        for low, high in BANDS_HZ.values()
        if (inside := (frequencies >= low) & (frequencies < high)).any()
    ]
    return float(np.sum(wrong) / 2.0)


def _series(simulated: Simulated, target: Target, options: Mapping[str, str]) -> float:
    """Error of the next volume of an ensemble with these parameters that follows the series: docs/assimilation.md."""
    from dtbsim.assimilation.following import following_error
    from dtbsim.data import Series

    assert target.series is not None
    settings = _of_following(options)
    config, base_dir = simulated.configuration()
    return following_error(config, base_dir, Series(target.series, None, target.interval_s, target.name), settings)


def _of_following(options: Mapping[str, str]) -> Any:
    """The settings of `series`. Raises InputError."""
    from dtbsim.assimilation.settings import Settings

    given = {name: float(value) for name, value in options.items()}
    unknown = next((name for name in given if name not in _OF_SERIES), None)
    if unknown is not None:
        remedy = f"options: {', '.join(_OF_SERIES)}"
        raise InputError(f"there is no option '{unknown}'", where="--objective series", remedy=remedy)
    units = "model" if given.pop("model_units", 0) else "matched"
    return Settings(members=round(given.pop("members", 16)), units=units, **given)  # type: ignore[arg-type]


def _known(name: str, value: object) -> Objective:
    if not isinstance(value, Objective) or value.name != name:
        raise TypeError("an objective is a dtbsim.fitting.Objective of the same name as its entry point")
    return value


OBJECTIVES: Registry[Objective] = Registry(
    "dtbsim.objectives",
    "objective",
    {
        "fc": Objective("fc", _fc, "largest", ("bold",), ("fc",), "FC correlation r"),
        "fc_mse": Objective("fc_mse", _fc_mse, "smallest", ("bold",), ("fc",), "mean squared error of FC"),
        "fcd": Objective("fcd", _fcd, "smallest", ("bold",), ("fcd",), "KS distance of FCD"),
        "rates": Objective("rates", _rates, "smallest", ("rates",), (), "distance of rates (octaves)"),
        "spectrum": Objective(
            "spectrum", _spectrum, "smallest", ("spectrum",), ("series",), "log-spectral distance (dB)"
        ),
        "series": Objective("series", _series, "smallest", ("bold",), ("series",), "error of the next volume (s.d.)"),
        "bands": Objective("bands", _bands, "smallest", ("spectrum",), ("series",), "distance of band power"),
    },
    _known,
)
"""What `--objective` names; other packages add theirs with entry points of the group `dtbsim.objectives`."""

_TERM = re.compile(r"^(?:(?P<weight>[0-9.eE+-]+)\s*\*\s*)?(?P<name>[^()*]+?)\s*(?:\((?P<options>[^)]*)\))?$")


@dataclass(frozen=True)
class Term:
    """An objective with its weight and options, such as 0.5*rates(cortex=3)."""

    name: str
    weight: float = 1.0
    options: tuple[tuple[str, str], ...] = ()

    @property
    def objective(self) -> Objective:
        """What it names: a registered objective, or a function FILE.py:NAME, whose value is made small."""
        if ".py:" in self.name:
            return Objective(self.name, _own(self.name), label=self.name)
        return OBJECTIVES.find(self.name, "--objective")

    @property
    def key(self) -> str:
        """The name of its column."""
        return self.name if ".py:" not in self.name else self.name.rpartition(":")[2]


@dataclass(frozen=True)
class Goal:
    """Sums of terms: one sum is made small; of several the Pareto front is sought."""

    sums: tuple[tuple[Term, ...], ...]

    @property
    def terms(self) -> list[Term]:
        """All terms."""
        return [term for one in self.sums for term in one]

    @property
    def single(self) -> Term | None:
        """The term, where it is the only one."""
        return self.terms[0] if len(self.terms) == 1 else None

    def losses(self, scores: Mapping[str, float]) -> list[float]:
        """What is made small, from the scores by key."""
        return [sum(t.weight * t.objective.loss(scores[t.key]) for t in one) for one in self.sums]

    def check(self, target: Target, spectrum_of: str | None) -> None:
        """Raise InputError where the data lack what an objective takes."""
        for term in self.terms:
            for part in term.objective.of:
                have = target.fcd_values is not None or target.fcd_counts is not None
                if part == "fcd" and not have:
                    remedy = "give a series of at least 2 windows of a minute with --tr, or the atlas aal2"
                    raise InputError(f"{target.name} has no FCD", where=f"--objective {term.name}", remedy=remedy)
                if part != "fcd" and getattr(target, part) is None:
                    remedy = (
                        "give a series with --tr SECONDS" if part == "series" else "give an FC, or a series with --tr"
                    )
                    raise InputError(f"{target.name} has no {part}", where=f"--objective {term.name}", remedy=remedy)
            if term.name == "series":
                _of_following(dict(term.options))
            if term.name == "rates" and not term.options:
                remedy = "give them: rates(POPULATION=HZ,...), such as rates(cortex=3)"
                raise InputError("no rates are wanted", where="--objective rates", remedy=remedy)
            if "spectrum" in term.objective.needs and spectrum_of is None:
                remedy = "add an entry to `signals`, such as eeg: {kind: eeg, population: cortex}"
                raise InputError("the configuration makes no signal", where=f"--objective {term.name}", remedy=remedy)

    @property
    def needs(self) -> set[str]:
        """What must be simulated."""
        return {need for term in self.terms for need in term.objective.needs}


def goal_of(text: object) -> Goal:
    """Return what a text such as "fc", "fc + 0.5*fcd", "rates(cortex=3)", "FILE.py:function" or "fc, fcd" means.

    A comma separates sums of which the Pareto front is sought. Raises InputError.
    """
    if isinstance(text, Goal):
        return text
    if not isinstance(text, str) or not text.strip():
        known = ", ".join(OBJECTIVES.names())
        raise InputError(
            f"got {text!r}", where="--objective", remedy=f"allowed: {known}, FILE.py:function, sums of them"
        )
    sums = [tuple(_term(term) for term in _split(one, "+")) for one in _split(text, ",")]
    goal = Goal(tuple(sums))
    for term in goal.terms:
        _ = term.objective
    keys = [term.key for term in goal.terms]
    if len(set(keys)) < len(keys):
        raise InputError(f"an objective is named twice in {text}", where="--objective", remedy="name each once")
    return goal


def _split(text: str, mark: str) -> list[str]:
    """Parts between marks outside of parentheses; a + of an exponent is none."""
    parts, depth, start = [], 0, 0
    for k, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth == 0 and not (mark == "+" and re.search(r"[0-9.][eE]$", text[:k])):
            parts.append(text[start:k].strip())
            start = k + 1
    return [*parts, text[start:].strip()]


def _term(text: str) -> Term:
    found = _TERM.match(text)
    if found is None:
        raise InputError(f"got '{text}'", where="--objective", remedy="give NAME, WEIGHT*NAME or NAME(KEY=VALUE,...)")
    try:
        weight = float(found["weight"] or 1.0)
    except ValueError:
        raise InputError(f"'{found['weight']}' is no weight", where="--objective", remedy="give a number") from None
    if not 0 < weight < math.inf:
        raise InputError(f"the weight {weight:g}", where="--objective", remedy="allowed: above 0")
    options = []
    for pair in filter(None, (part.strip() for part in (found["options"] or "").split(","))):
        key, equals, value = pair.partition("=")
        try:
            good = bool(equals) and math.isfinite(float(value)) and float(value) > 0
        except ValueError:
            good = False
        if not good:
            remedy = "give KEY=NUMBER, above 0"
            raise InputError(f"got '{pair}'", where=f"--objective {found['name']}", remedy=remedy)
        options.append((key.strip(), value.strip()))
    return Term(found["name"].strip(), weight, tuple(options))


_OWN: dict[str, Callable[[Simulated, Target, Mapping[str, str]], float]] = {}


def _own(name: str) -> Callable[[Simulated, Target, Mapping[str, str]], float]:
    """The function of FILE.py:NAME, called with the simulation and the data."""
    if name in _OWN:
        return _OWN[name]
    file, _, attribute = name.rpartition(":")
    path = Path(file).absolute()
    if not path.is_file():
        raise InputError(f"there is no file {file}", where="--objective", remedy="give FILE.py:function")
    spec = importlib.util.spec_from_file_location(f"dtbsim_objective_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(what, where=f"--objective {file}", remedy="repair the file") from error
    function: Any = getattr(module, attribute, None)
    if not callable(function):
        remedy = "give the name of a function of (simulated, target)"
        raise InputError(f"{file} has no function '{attribute}'", where="--objective", remedy=remedy)
    _OWN[name] = lambda simulated, target, options: float(function(simulated, target))
    return _OWN[name]
