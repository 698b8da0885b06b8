"""How fast a stage moves: real-time factor over the last seconds, and the time that is left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_S = 5.0


@dataclass(frozen=True)
class Reading:
    """One look at a stage. `rtf` is None for stages without biological time, `eta_s` while nothing is known."""

    step: int
    n_steps: int
    biological_ms: float
    rtf: float | None
    eta_s: float | None

    @property
    def fraction(self) -> float:
        """Done part, 0 to 1."""
        return self.step / self.n_steps if self.n_steps > 0 else 0.0


class Pace:
    """Looks at the progress of one stage."""

    def __init__(self, start_s: float) -> None:
        self._looks: deque[tuple[float, int]] = deque([(start_s, 0)])

    def look(self, now_s: float, step: int, n_steps: int, dt_ms: float) -> Reading:
        """Return the reading at time `now_s`; the pace is that since the oldest look not older than WINDOW_S."""
        if step < self._looks[-1][1]:
            self._looks = deque([(now_s, step)])
        self._looks.append((now_s, step))
        while len(self._looks) > 2 and now_s - self._looks[1][0] >= WINDOW_S:
            self._looks.popleft()
        then_s, then_step = self._looks[0]
        steps, seconds = step - then_step, now_s - then_s
        moving = steps > 0 and seconds > 0
        rtf = seconds / (steps * dt_ms * 1e-3) if moving and dt_ms > 0 else None
        eta_s = (n_steps - step) * seconds / steps if moving else None
        return Reading(step, n_steps, step * dt_ms, rtf, eta_s)


def duration(seconds: float) -> str:
    """Return `42 s`, `3:05` or `1:02:03`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
