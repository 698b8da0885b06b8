"""Values of random networks: numbers, distributions of every kind with and without bounds, delays."""

from __future__ import annotations

import random
from typing import Any

Data = dict[str, Any]


class ValueDrawing:
    """Draws values."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.dt_ms = 0.1

    def some(self, probability: float) -> bool:
        return self.draw.random() < probability

    def ms(self, low: int, high: int) -> float:
        """A whole number of steps, in ms."""
        return round(self.draw.randint(low, high) * self.dt_ms, 6)

    def number(self, low: float, high: float) -> float:
        return round(self.draw.uniform(low, high), 4)

    def spread(self, low: float, high: float, item: Data) -> Any:
        """A number, a distribution or a map."""
        kind = self.draw.choice(["number", "number", "uniform", "normal", "map"])
        if kind == "uniform":
            return {"distribution": "uniform", "low": low, "high": high}
        if kind == "normal":
            spread = {"mean": (low + high) / 2, "sd": (high - low) / 4, "low": low, "high": high}
            return self.bounded("normal", spread)
        if kind == "map" and "regions" in item:
            return {"map": "gradient", "low": low, "high": high}
        return self.number(low, high)

    def bounded(self, kind: str, values: Data) -> Data:
        """A distribution between its bounds, however what is outside is treated."""
        if kind == "normal" and self.some(0.3):
            return {"distribution": "truncated_normal", **values}
        outside = self.draw.choice([{}, {"outside": "redraw"}, {"outside": "clip"}])
        return {"distribution": kind, **values, **outside}

    def distribution(self, size: float, sign: int, *, any_sign: bool) -> Data:
        low, high = sorted((sign * 0.3 * size, sign * 1.5 * size))
        normal = {"mean": round(sign * size, 4), "sd": round(0.3 * size, 4)}
        bounds = {"low": round(low, 4), "high": round(high, 4)}
        choices: list[Data] = [
            {"distribution": "uniform", **bounds},
            self.bounded("normal", normal | bounds),
        ]
        if sign > 0:
            lognormal = {"mean": round(size, 4), "sd": round(0.5 * size, 4)}
            choices.append({"distribution": "lognormal", **lognormal})
            choices.append(self.bounded("lognormal", lognormal | bounds))
            choices.append({"distribution": "exponential", "mean": round(size, 4)})
            choices.append(self.bounded("exponential", {"mean": round(size, 4), "high": bounds["high"]}))
        if any_sign:
            choices.append({"distribution": "normal", **normal})
        return self.draw.choice(choices)

    def delay(self, item: Data) -> Any:
        draw, dt = self.draw, self.dt_ms
        if item.get("scope") == "connectome" and self.some(0.6):
            return {"tract_velocity_m_per_s": draw.choice([5, 20, 200])}
        kind = draw.choice(["constant", "constant", "uniform", "exponential", "lognormal", "bounded"])
        if kind == "uniform":
            return {"distribution": "uniform", "low": self.ms(1, 5), "high": self.ms(6, 40)}
        if kind == "bounded":
            ends = {"low": self.ms(1, 5), "high": self.ms(10, 40)}
            kind = draw.choice(["normal", "lognormal", "exponential"])
            spread = {} if kind == "exponential" else {"sd": self.ms(1, 20)}
            return self.bounded(kind, {"mean": self.ms(2, 20), **spread, **ends})
        if kind == "exponential":
            return {"distribution": "exponential", "mean": self.ms(2, 10), "low": dt}
        if kind == "lognormal":
            return {"distribution": "lognormal", "mean": self.ms(8, 20), "sd": self.ms(1, 4)}
        return self.ms(1, 30)
