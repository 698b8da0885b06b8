"""The rank-independent network: what a configuration means once atlas and models are known."""

from __future__ import annotations

from typing import Any

__all__ = ["Network", "compile_network"]


def __getattr__(name: str) -> Any:
    if name == "compile_network":
        from dtbsim.spec.compile import compile_network

        return compile_network
    if name == "Network":
        from dtbsim.spec.network import Network

        return Network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
