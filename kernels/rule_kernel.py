"""Compiled functions of synapse models, called through C function pointers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dtbsim.kernels import kernel_cache
from dtbsim.kernels.rule_source import rule_text
from dtbsim.models.synapses import SynapseModel

_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 6)


@lru_cache(maxsize=1024)
def _module(model: SynapseModel, entry: str) -> Any:
    label = f"{entry}_{''.join(x if x.isalnum() else '_' for x in model.name)}"
    return kernel_cache.build(rule_text(model, entry), label, lambda module: module)


def rule_address(model: SynapseModel, entry: str) -> int:
    """Address of a compiled function of `rule_source.ENTRIES`; it stays where it is until the process ends."""
    return int(_module(model, entry).kernel.address)


@lru_cache(maxsize=1024)
def rule_function(model: SynapseModel, entry: str) -> Callable[..., int]:
    """The same as a function of six integers."""
    return _PROTOTYPE(rule_address(model, entry))
