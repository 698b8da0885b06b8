"""dtbsim: distributed spiking-network simulator and platform for digital twin brains."""

from __future__ import annotations

__version__ = "0.1.0"
