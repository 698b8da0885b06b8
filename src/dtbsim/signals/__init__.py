"""Signals made from the activity while a simulation runs: BOLD from population rates."""

from __future__ import annotations

from dtbsim.signals.bold import BalloonWindkessel

__all__ = ["BalloonWindkessel"]
