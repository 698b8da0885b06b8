"""Drives of a network as tables: whom they reach, at which rate, with which current or events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.clock import nearest_steps, off_grid
from dtbsim.errors import InputError
from dtbsim.numerics.gids import Gids, as_gids
from dtbsim.spec.network import Drive, Network

if TYPE_CHECKING:
    import pandas as pd


class BuiltDrive:
    """Input from outside, as it reaches neurons.

    Attributes:
        name: its name.
        kind: what it gives: `poisson`, `current`, `noise`, `events` (listed), or `trains` (drawn as the run goes on).
        shared: whether all neurons that it reaches get the same.
    """

    def __init__(self, network: Network, parts: list[Drive]) -> None:
        self._network, self._parts = network, parts
        self.name, self.kind, self.shared = parts[0].name, parts[0].kind, parts[0].shared

    def __repr__(self) -> str:
        return f"<BuiltDrive {self.name}: {self.kind}>"

    @property
    def neurons(self) -> pd.DataFrame:
        """A row per neuron that it reaches, index `gid`: `population`, `neuron` (index in it), and where it gives
        spikes `weight` (float64, in the unit of the port) and `quanta` (int32) of each of them."""
        import pandas as pd

        names, tables = [], []
        for part in self._parts:
            chosen, gids = self._reached(part)
            columns: dict[str, Any] = {"gid": gids, "neuron": chosen.astype(np.uint32)}
            if part.channel >= 0:
                columns["weight"] = part.weight * self._quantum(part)
                columns["quanta"] = np.int32(part.weight)
            names += [self._network.populations[part.population].name] * chosen.size
            tables.append(pd.DataFrame(columns))
        table = pd.concat(tables, ignore_index=True)
        table.insert(1, "population", pd.Categorical(names))
        return table.set_index("gid")

    def rates_hz(self, time_ms: ArrayLike) -> pd.DataFrame:
        """Rates of Poisson spikes in Hz, float64: a row for each time (those of the step that begins there), a column
        for each neuron (its gid). Other drives have no columns."""
        import pandas as pd

        steps, network = self._steps(time_ms), self._network
        reached, rates = [np.zeros(0, np.uint32)], [np.zeros((steps.size, 0))]
        for part in self._parts:
            if part.kind != "poisson":
                continue
            chosen, gids = self._reached(part)
            if part.own_means is not None:
                means = part.own_means.means(chosen, gids, part.index, network.seed)[None, :]
            elif part.rate is not None:
                means = np.array([part.rate.means(steps[k : k + 1], network.dt_ms) for k in range(steps.size)])
            else:
                means = np.array([[part.mean]])
            on = part.windows.contain(steps)[:, None]
            rates.append(np.broadcast_to(np.where(on, means, 0.0) / network.dt_ms * 1e3, (steps.size, gids.size)))
            reached.append(gids)
        index, columns = pd.Index(np.ravel(time_ms), name="time_ms"), pd.Index(np.concatenate(reached), name="gid")
        return pd.DataFrame(np.concatenate(rates, axis=1), index=index, columns=columns)

    def current(self, time_ms: ArrayLike) -> pd.DataFrame:
        """Injected current, in the unit of the model: a row for each time (of the step that begins there); float32
        columns `mean` and, of noise, `sd`. Drives that give spikes have no columns."""
        import pandas as pd

        steps, part, columns = self._steps(time_ms), self._parts[0], {}
        if part.kind == "current":
            columns = {"mean": part.waveform(steps, self._network.dt_ms)}
        elif part.kind == "noise":
            both = part.noise_waveform(steps, self._network.dt_ms)
            columns = {"mean": both[:, 0], "sd": both[:, 1]}
        return pd.DataFrame(columns, index=pd.Index(np.ravel(time_ms), name="time_ms"))

    @property
    def events(self) -> pd.DataFrame:
        """Listed spikes: `step` in which they arrive, `time_ms` (its beginning), `gid`; no rows for other drives."""
        import pandas as pd

        parts = [np.zeros((0, 2), np.int64)]
        for part in self._parts:
            if part.events is not None:
                gid0 = self._network.populations[part.population].gid0
                parts.append(np.asarray(part.events)[:, :2] + np.array([0, gid0]))
        listed = np.concatenate(parts)
        step, gid = listed[:, 0], as_gids(listed[:, 1])
        return pd.DataFrame({"step": step, "time_ms": step * self._network.dt_ms, "gid": gid})

    def _reached(self, part: Drive) -> tuple[NDArray[np.int64], Gids]:
        """Indices within the population, and gids."""
        population = self._network.populations[part.population]
        chosen = np.arange(population.size, dtype=np.int64) if part.neurons is None else part.neurons
        return chosen, as_gids(population.gid0 + chosen)

    def _quantum(self, part: Drive) -> float:
        population = self._network.populations[part.population]
        return self._network.families[population.family].channels[part.channel].quantum

    def _steps(self, time_ms: ArrayLike) -> NDArray[np.int64]:
        """Steps that begin at these times. Raises InputError for a time at which no step begins."""
        times, dt_ms = np.ravel(np.asarray(time_ms, np.float64)), self._network.dt_ms
        wrong = times[off_grid(times, dt_ms) | ~(times >= 0)]
        if wrong.size:
            raise InputError(f"no step begins at {wrong[0]:g} ms; a step is {dt_ms:g} ms", where="time_ms")
        return nearest_steps(times, dt_ms)


def drives_by_name(network: Network) -> dict[str, BuiltDrive]:
    """All drives; one of the configuration reaches several populations."""
    parts: dict[str, list[Drive]] = {}
    for drive in network.drives:
        parts.setdefault(drive.name, []).append(drive)
    return {name: BuiltDrive(network, found) for name, found in parts.items()}
