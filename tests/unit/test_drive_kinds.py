"""Drives of other packages: an object is all that a new one needs, and what it breaks is said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field
from tests.helpers.networks import network_of, simulate
from tests.unit.config_samples import assert_for_people

from dtbsim.config import json_schema
from dtbsim.config.reference import render_reference
from dtbsim.errors import InputError
from dtbsim.models.drives import (
    DRIVES,
    Current,
    Draws,
    DriveKind,
    InputCurrent,
    ListedSpikes,
    PoissonSpikes,
    Spiking,
    Trains,
    _checked,
)
from dtbsim.models.drives.waveforms import Sine

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 20, block_size: 16}
seed: 2
populations: {A: {model: iaf_psc_exp, size: 50}}
drives: {x: DRIVE}
"""


class Halved(Spiking):
    """Poisson spikes at half a rate."""

    kind: Literal["halved"] = "halved"
    rate_hz: float = Field(ge=0, description="twice the rate")


class HalvedKind(DriveKind):
    config = Halved

    def compile(self, item: Halved, site: Any) -> Any:
        return PoissonSpikes(item.rate_hz / 2)


class Bias(Current):
    """A current as large as the neuron's number of steps per ms."""

    kind: Literal["bias"] = "bias"


class BiasKind(DriveKind):
    config = Bias

    def compile(self, item: Bias, site: Any) -> Any:
        return InputCurrent(Sine(1000.0 * site.dt_ms * site.parameter("tau_m_ms")))


@contextmanager
def known(monkeypatch: pytest.MonkeyPatch, *kinds: DriveKind) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(DRIVES, "_built_in", dict(DRIVES._built_in))
        for kind in kinds:
            DRIVES.add(kind.kind, kind)
        yield


def network(drive: str) -> Any:
    return network_of(TEXT.replace("DRIVE", drive))


def said(drive: str) -> str:
    with pytest.raises(InputError) as caught:
        network(drive)
    assert_for_people(caught.value)
    return str(caught.value)


def test_a_drive_of_another_package_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    with known(monkeypatch, HalvedKind(), BiasKind()):
        halved = network("{kind: halved, target: A, rate_hz: 30000, weight_pA: 60}")
        plain = network("{kind: poisson, target: A, rate_hz: 15000, weight_pA: 60}")
        assert len(simulate(halved)) > 50
        assert np.array_equal(simulate(halved), simulate(plain))
        dc = network("{kind: dc, target: A, amplitude: 1000}")  # tau_m_ms is 10
        assert np.array_equal(simulate(network("{kind: bias, target: A}")), simulate(dc))
        assert "Halved" in str(json_schema())
        assert "`kind: halved`" in render_reference()
        assert "halved" in said("{kind: halvd, target: A, rate_hz: 3, weight_pA: 1}")


def test_unknown_kinds_and_drives_by_name_alone_are_explained() -> None:
    text = said("{kind: poison, target: A, rate_hz: 3, weight_pA: 1}")
    assert "drives.x.kind" in text
    assert "poisson" in text
    assert "drives.x" in said("poisson")
    assert "`kind` is missing" in said("{target: A, rate_hz: 3, weight_pA: 1}")


class WrongSort(HalvedKind):
    def compile(self, item: Any, site: Any) -> Any:
        return InputCurrent(Sine(1.0))


class WrongEvents(HalvedKind):
    def compile(self, item: Any, site: Any) -> Any:
        return ListedSpikes(np.array([[3, site.size]], np.int64))


class Raises(HalvedKind):
    def compile(self, item: Any, site: Any) -> Any:
        return site.nothing


@dataclass(frozen=True)
class Bad:
    def means(self, steps: Any, dt_ms: float) -> Any:
        return np.full(steps.size, np.nan)


@dataclass(frozen=True, eq=False)
class TrainsWith(Trains):
    began: Any
    advanced: Any = None

    def start(self, draws: Draws) -> Any:
        return super().start(draws) if self.began is None else self.began

    def advance(self, state: Any, draws: Any, start: int, stop: int) -> Any:
        return self.advanced


class Loosely(Trains):
    def advance(self, state: Any, draws: Any, start: int, stop: int) -> Any:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)


class Returning(HalvedKind):
    def __init__(self, made: Any) -> None:
        self.made = made

    def compile(self, item: Any, site: Any) -> Any:
        return self.made


class AtAKey(HalvedKind):
    def compile(self, item: Any, site: Any) -> Any:
        raise site.error("rate_hz", "it is odd", "make it even")


class NoParameter(HalvedKind):
    def compile(self, item: Any, site: Any) -> Any:
        return PoissonSpikes(site.parameter("tau_mem"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (WrongSort(), "returns InputCurrent; its configuration says that it gives spikes"),
        (WrongEvents(), "int64[n, 2] of step and neuron (0 to 49)"),
        (Returning(PoissonSpikes(Bad(), peak_hz=1.0)), "`means` of what the drive halved returns must give finite"),
        (Returning(TrainsWith(np.zeros(3))), "int64[2, 0] (n, width)"),
        (Returning(Loosely()), "Loosely must be a data class"),
        (Returning(TrainsWith(None, 7)), "two arrays of whole numbers"),
        (Returning(TrainsWith(None, (np.array([1.5]), np.array([0])))), "two arrays of whole numbers"),
        (Returning(TrainsWith(None, (np.array([1]), np.array([2])))), "places 0 to 1"),
        (Returning(TrainsWith(None, (np.array([3]), np.array([0])))), "steps 0 to 2"),
        (Returning(TrainsWith(None, (np.array([1, 2]), np.array([0])))), "gives spikes outside"),
        (Raises(), "AttributeError"),
        (AtAKey(), "drives.x.rate_hz: it is odd"),
        (NoParameter(), "no parameter 'tau_mem'"),
    ],
)
def test_a_drive_that_breaks_its_interface_is_one_line(
    monkeypatch: pytest.MonkeyPatch, kind: DriveKind, text: str
) -> None:
    with known(monkeypatch, kind):
        found = said("{kind: halved, target: A, rate_hz: 3, weight_pA: 1}")
    assert text in found
    assert "drives.x" in found
    assert "\n" not in found


class Lacks(DriveKind):
    config = Halved


class NoConfig(DriveKind):
    config = dict  # type: ignore[assignment]


class LooseDrive(Spiking):
    kind: str = "loose"


class Loose(HalvedKind):
    config = LooseDrive  # type: ignore[assignment]


class ListingDrive(Halved):
    changeable: ClassVar = ("rate",)


class Listing(HalvedKind):
    config = ListingDrive


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("halved", 3, "subclass of dtbsim.models.drives.DriveKind"),
        ("other", HalvedKind(), "kind 'halved'"),
        ("halved", Lacks(), "compile(item, site)"),
        ("halved", NoConfig(), "`config`"),
        ("loose", Loose(), "`kind: Literal['loose'] = 'loose'`"),
        ("halved", Listing(), "has no 'rate'"),
    ],
)
def test_what_an_entry_point_must_be(name: str, value: Any, text: str) -> None:
    assert isinstance(_checked("halved", HalvedKind), HalvedKind)
    with pytest.raises(TypeError) as caught:
        _checked(name, value)
    assert text in str(caught.value)
