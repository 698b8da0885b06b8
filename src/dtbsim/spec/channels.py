"""Input channels: which sums of synaptic input a family keeps, and the fixed-point unit (quantum) of each.

A channel is a distinct way of feeding the model's inputs, {input: factor}. Its quantum is the smallest power of two
that lets the largest weight fit: into 16 bits where every source of input of the network keeps a resolution of
MIN_RESOLUTION quanta, else into 24 bits, and into 27 bits in the groups of channels where these do not keep it, either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from dtbsim.config.drives import Spiking
from dtbsim.config.network import Projection
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, Receptor
from dtbsim.models.connections.base import Span
from dtbsim.numerics.fixed_point import lowest_bit
from dtbsim.spec.distributions import Table, table_at
from dtbsim.spec.network import Channel, Drive
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft
from dtbsim.spec.resolution import MIN_RESOLUTION, Resolution, Use, resolution_of

MAX_16 = 32_767
MAX_24 = 2**24
MAX_27 = 2**27
"""What `kernels.row_writer` can draw."""
MAX_PLASTIC = 100 * 2**24
"""Largest plastic weight in quanta: an int32 that is a float32, too."""
SMALLEST_QUANTUM = 2.0**-126
"""The smallest normal float32."""
WHOLE = ("whole", "unsigned")
"""What ports take whose weights are kept exactly."""
SMALLEST_WEIGHT = 1e-30
"""The quantum of smaller weights could be no normal float32."""
WEIGHT_KEYS = {"pA": "weight_pA", "mV": "weight_mV", "nS": "weight_nS", "": "weight", "1": "weight"}

Mix = tuple[tuple[int, float], ...]
Key = tuple[str, int]
"""Family and group."""


class ChannelPlan:
    """Collects the channels of all families, then fixes their quanta.

    Channels that differ only in inputs which are recorded and feed nothing are a group: its quantum, and all that
    follows from it, is that of the one channel they are where nothing is recorded.
    """

    def __init__(self) -> None:
        self._groups: dict[str, dict[Mix, int]] = {}
        """Group of every mix of the inputs that count, per family."""
        self._channels: dict[str, dict[Mix, tuple[int, int]]] = {}
        """(Index, group) of every channel, per family."""
        self._largest: dict[Key, float] = {}
        self._finest: dict[Key, float] = {}
        self._plastic: dict[Key, float] = {}
        self._grid: dict[Key, float] = {}
        self._counted: set[Key] = set()
        self._uses: dict[Key, list[Use]] = {}

    def use(self, family: Draft, mix: Mix, use: Use, scale: tuple[float, float] = (1.0, 1.0)) -> int:
        """Index of the channel; notes the largest |weight| and the typical one (`scale`: smallest, largest factor)."""
        model, channels = family.model, self._channels.setdefault(family.name, {})
        n_own = len(model.inputs) - model.n_watched_inputs
        own = tuple(pair for pair in mix if pair[0] < n_own)
        groups = self._groups.setdefault(family.name, {})
        index, group = channels.setdefault(mix, (len(channels), groups.setdefault(own, len(groups))))
        key = family.name, group
        if counted(model, mix):
            self._counted.add(key)
            return index
        self._uses.setdefault(key, []).append(use)
        largest = max(abs(use.weight.low), abs(use.weight.high)) * scale[1]
        typical = use.weight.size * scale[0] or use.weight_max  # plastic weights may begin at 0
        self._largest[key] = max(self._largest.get(key, 0.0), largest)
        if use.weight_max > 0:
            self._plastic[key] = max(self._plastic.get(key, 0.0), use.weight_max)
        if use.grid > 0:
            self._grid[key] = min(self._grid.get(key, math.inf), use.grid)
        if typical > 0:
            self._finest[key] = min(self._finest.get(key, math.inf), typical)
        return index

    @property
    def wide(self) -> bool:
        """Whether some channel needs 32-bit weights."""
        return any(not self._fine(key, self._fitting(key, MAX_16)) for key in self._largest)

    def _fitting(self, key: Key, limit: int) -> float:
        """The smallest quantum of a group whose weights begin with `limit` quanta at most."""
        reach = self._plastic.get(key, 0.0)
        quantum = _quantum(self._largest[key] or reach, limit)
        return max(quantum, _quantum(reach, MAX_PLASTIC)) if reach else quantum

    def _fine(self, key: Key, quantum: float) -> bool:
        """Whether a quantum keeps weights well, and those of whole numbers exactly."""
        well = self._finest.get(key, math.inf) >= MIN_RESOLUTION * quantum
        return well and self._grid.get(key, math.inf) >= quantum

    def _quantum_of(self, key: Key, wide: bool) -> float:
        quantum = self._fitting(key, MAX_24 if wide else MAX_16)
        return quantum if self._fine(key, quantum) or not wide else self._fitting(key, MAX_27)

    def channels(self, family: str, *, wide: bool) -> tuple[Channel, ...]:
        """The channels of a family with their quanta, `wide` as the plan says."""
        result = []
        for mix, (_, group) in self._channels.get(family, {}).items():
            if (family, group) in self._counted:
                result.append(Channel(mix, 1.0, 1, 0, group))
                continue
            quantum = self._quantum_of((family, group), wide)
            plastic = math.ceil(self._plastic.get((family, group), 0.0) / quantum)
            result.append(Channel(mix, quantum, math.ceil(self._largest[family, group] / quantum), plastic, group))
        return tuple(result)

    def resolutions(self, drafts: dict[str, Draft], places: Places) -> tuple[Resolution, ...]:
        """How finely every group of channels keeps its weights; notes warnings, and mistakes where weights vanish."""
        wide = self.wide
        mixes = {(name, group): mix for name, groups in self._groups.items() for mix, group in groups.items()}
        return tuple(
            resolution_of(
                key[0],
                drafts[key[0]].model,
                [number for number, _ in mixes[key]],
                self._quantum_of(key, wide),
                uses,
                places,
            )
            for key, uses in self._uses.items()
        )


class FixedChannels:
    """Channels of families that are built: what a drive can use that changes later."""

    def __init__(self, channels: Mapping[str, tuple[Channel, ...]]) -> None:
        self._channels = channels

    def use(self, family: Draft, mix: Mix, use: Use, scale: tuple[float, float] = (1.0, 1.0)) -> int:
        """Index of the channel; InputError where nothing was connected to such ports."""
        for index, channel in enumerate(self._channels[family.name]):
            if channel.mix == mix:
                return index
        raise InputError(
            f"no input of population '{family.name}' was built for the ports that such a weight goes to",
            remedy="keep the sign of the weight, or add a drive of weight 0 to that port",
        )


def check_weight(drive: Drive, quantum: float) -> None:
    """InputError where a weight in quanta is too large, or was lost."""
    if abs(drive.weight) > MAX_27:
        raise InputError(
            "the weight is too large for the network as it was built",
            remedy=f"allowed: up to {MAX_27 * quantum:.4g} in size",
        )


def _quantum(largest: float, limit: int) -> float:
    if largest == 0:
        return 1.0
    return max(float(2.0 ** math.ceil(math.log2(largest / limit))), SMALLEST_QUANTUM)


def named_ports(receptor: str | Mapping[str, float]) -> dict[str, float]:
    """Return the ports that a receptor choice names, with their factors."""
    return {receptor: 1.0} if isinstance(receptor, str) else {name: float(k) for name, k in receptor.items()}


def input_mix(
    model: NeuronModel, receptor: str | Mapping[str, float] | None, weight: Table, path: str, places: Places
) -> Mix:
    """The model inputs that a receptor choice feeds, with factors; ports that share an input are added up."""
    where = f"{path}.receptor"
    if receptor is None:
        receptor = _default_port(model, weight, where, places)
    shares = named_ports(receptor)
    if not shares:
        raise places.error(where, "no receptor port is named")
    mix: dict[int, float] = {}
    for port, factor in shares.items():
        try:
            row = model.receptor(port)
        except InputError as error:
            raise places.error(where, error.message, error.remedy) from None
        signed = 1.0 if row.takes == "count" else float(factor * _sign(row, factor, weight, model.name, where, places))
        for number in (row.channel, row.watched):
            if number is not None:
                mix[number] = mix.get(number, 0.0) + signed
    return tuple(sorted((index, factor) for index, factor in mix.items() if factor != 0.0))


def _sign(row: Receptor, factor: float, weight: Table, model: str, where: str, places: Places) -> float:
    """1, or -1 where a port counts the size of weights below 0; conductances take no others below 0."""
    low, high = sorted((factor * weight.low, factor * weight.high))
    if row.takes in ("any", "whole") or low >= 0:
        return 1.0
    if row.takes == "size" and high <= 0:
        return -1.0
    amount = f"a weight of {low:g}" if low == high else f"weights from {low:g} to {high:g}"
    if row.takes == "unsigned":
        what = f"{amount} into port '{row.name}' of model '{model}': its weights are not below 0"
        raise places.error(where, what, "choose the port by what the synapse does, and give the size")
    raise places.error(
        where,
        f"{amount} {row.weight_unit} into port '{row.name}' of model '{model}': a conductance must not become negative",
        "choose an inhibitory port, or give weights of 0 or more"
        if high <= 0
        else "bound the distribution, for example with low: 0",
    )


def kept_grid(
    model: NeuronModel,
    mix: Mix,
    weight: Table,
    factors: ArrayLike,
    listed: Span | None,
    path: str,
    places: Places,
) -> float:
    """The grid (`Use.grid`) on which the weights of `path` are kept exactly, 0 where they may be rounded.

    `listed` are the weights if there is a list of them, else they are `weight` times `factors`. InputError where a port
    takes whole numbers, and these are none.
    """
    inputs = {index for index, _ in mix}
    port = next((row.name for row in model.receptors if row.takes in WHOLE and row.channel in inputs), None)
    if port is None:
        return 0.0 if listed is None else listed.grid
    whole = f"port '{port}' of model '{model.name}' takes whole numbers as weights"
    if any(factor != round(factor) for _, factor in mix):
        raise places.error(f"{path}", f"{whole}, and no shares of them", "name the port alone")
    if listed is not None:
        if listed.grid < 1 and (listed.low, listed.high) != (0.0, 0.0):
            raise places.error(path, f"{whole}; those that are listed are others", "round them")
        return listed.grid
    if not weight.constant:
        raise places.error(path, f"{whole}; drawn ones are none", "list them (rule: {kind: explicit, file: ...})")
    given = weight.low * np.asarray(factors, np.float64)
    sizes = np.rint(np.abs(given))
    wrong = np.abs(np.abs(given) - sizes) > 1e-9 * sizes
    if wrong.any():
        raise places.error(path, f"a weight of {given[wrong][0]:g}: {whole}", "round it")
    return 0.0 if not sizes.any() else lowest_bit(sizes)


def _default_port(model: NeuronModel, weight: Table, where: str, places: Places) -> str:
    """The only port; or `ex` / `in` by the sign of the weight, as NEST does."""
    names = [row.name for row in model.receptors]
    if model.default_receptor is not None or len(names) == 1:
        return model.default_receptor or names[0]
    if names == ["ex", "in"]:
        if weight.low >= 0 or len({row.channel for row in model.receptors}) == 1:
            return "ex"
        if weight.high <= 0:
            return "in"
        raise places.error(where, "weights have both signs", "say which port: receptor: ex or receptor: in")
    raise places.error(where, f"model '{model.name}' has several receptor ports: {', '.join(names)}", "receptor: NAME")


def weight_table(
    item: Projection | Spiking, model: NeuronModel, path: str, places: Places, table: Table | None = None
) -> Table:
    """The weight's table, `table` where that is known; the key's unit must be one that the model's ports take."""
    allowed = weight_keys(model, f"{path}.target", places)
    key = weight_key(item)
    if key not in allowed:
        raise places.error(f"{path}.{key}", f"model '{model.name}' takes {' or '.join(allowed)}, not {key}")
    if table is None:
        table = table_at(getattr(item, key), f"{path}.{key}", places)
    size = max(abs(table.low), abs(table.high))
    if 0 < size < SMALLEST_WEIGHT:
        unit = key.removeprefix("weight").removeprefix("_")
        what = f"weights up to {size:g} {unit}".rstrip()
        raise places.error(
            f"{path}.{key}", f"{what} are too small for float32", f"allowed: 0, or {SMALLEST_WEIGHT:g} on"
        )
    return table


def weight_keys(model: NeuronModel, where: str, places: Places) -> list[str]:
    """The keys, hence the units, in which the model's ports take weights; InputError at `where` if it has no port."""
    if not model.receptors:
        raise places.error(where, f"model '{model.name}' receives no spikes")
    units = {row.weight_unit for row in model.receptors}
    return sorted({WEIGHT_KEYS.get(unit, f"weight_{unit}") for unit in units})


def weight_key(item: Projection | Spiking) -> str:
    """The key that gives the weight."""
    return next(key for key in ("weight_pA", "weight_mV", "weight_nS", "weight") if getattr(item, key) is not None)


def counted(model: NeuronModel, mix: Mix) -> bool:
    """Whether what arrives through a channel is counted, not weighted."""
    inputs = {index for index, _ in mix}
    return any(row.takes == "count" and row.channel in inputs for row in model.receptors)


def all_channels(plan: ChannelPlan, drafts: dict[str, Draft]) -> dict[str, tuple[Channel, ...]]:
    """Channels of every family."""
    wide = plan.wide
    return {name: plan.channels(name, wide=wide) for name in drafts}
