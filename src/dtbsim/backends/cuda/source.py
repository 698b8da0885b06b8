"""The text of all kernels of a network: constants of the layouts, headers, generated updates, in one piece.

One piece, because the caches of compiled code know a text by its hash and do not look into what it includes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import ModuleType

from dtbsim.kernels import (
    connect,
    decay,
    device_layout,
    dynamic_layout,
    history,
    layout,
    noise,
    packets,
    pair_layout,
    poisson,
    scaling,
    tasks,
)
from dtbsim.models.base import MOST_SPIKES
from dtbsim.models.language.emit_c import PRELUDE
from dtbsim.models.language.emit_c import elementary_text as definition
from dtbsim.numerics import fixed_point, philox

_INCLUDE = re.compile(r'^#include "([a-z_]+\.cuh)"$', re.MULTILINE)
_NAMED = {
    "POISSON_STEPS": poisson.STEPS,
    "COARSE_TOP": poisson.COARSE_TOP,
    "NUMBERS": noise.NUMBERS,
    "PURPOSE_SHIFT": philox.PURPOSE_SHIFT,
    "DECAY_BITS": decay.LOW_BITS,
    "NEVER": history.NEVER,
    "MOST_SPIKES": MOST_SPIKES,
    "SCALE_BITS": scaling.FACTOR_BITS,
    "OVERFLOW_BIT": int(packets.OVERFLOW).bit_length() - 1,
    "DRAW_FACTOR_BITS": fixed_point.FACTOR_BITS,
    "DRAW_WEIGHT_BITS": fixed_point.FRACTION_BITS_WEIGHT,
    "DRAW_DELAY_BITS": fixed_point.FRACTION_BITS_DELAY,
    "DRAW_MEAN_BITS": fixed_point.MEAN_BITS,
    "PAIR_RULE_OUTDEGREE": tasks.FIXED_OUTDEGREE,
    "PAIR_RULE_PARTNERS": tasks.ONE_TO_ONE,
    "PAIR_CALL_VALUES": int(connect.CALL_VALUES),
}


@cache
def kernel_file(name: str) -> str:
    """Text of a file of the kernels folder."""
    return (files("dtbsim.kernels") / name).read_text(encoding="utf-8")


def _integers(module: ModuleType, prefix: str = "") -> dict[str, int]:
    values = {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, int)}
    return {prefix + name: value for name, value in values.items() if not name.startswith("_")}


@cache
def constants_text() -> str:
    """Constants of the layouts; those of dynamic projections begin with D_, of pairs with PAIR_."""
    purposes = {name: value for name, value in _integers(philox).items() if name.startswith("PURPOSE_")}
    named = _integers(layout) | _integers(device_layout) | _integers(dynamic_layout, "D_")
    named |= _integers(pair_layout, "PAIR_") | purposes | _NAMED
    return _definitions(named)


@cache
def region_layout_text() -> str:
    """Constants of the tables of mean-field regions; they begin with REGION_."""
    from dtbsim.kernels import region_device_layout

    return _definitions(_integers(region_device_layout, "REGION_"))


def _definitions(named: Mapping[str, int]) -> str:
    return "\n".join(f"constexpr long long {name} = {value}LL;" for name, value in named.items()) + "\n"


@cache
def elementary_text() -> str:
    """exp and log of float32 as neuron models have them, in a namespace of their own."""
    return "\n".join(["namespace dtb_elementary {", PRELUDE, definition("exp"), definition("log"), "}\n"])


def whole_text(name: str, generated: Mapping[str, str], macros: Mapping[str, int] | None = None) -> str:
    """The file `name` with every header in the place of its first include.

    `generated` maps names of headers that are no files to their texts (elementary.cuh is always there); `macros` are
    defined before everything.
    """
    generated = {"elementary.cuh": elementary_text(), **generated}
    done: set[str] = set()

    def text_of(file: str) -> str:
        text = generated[file] if file in generated else kernel_file(file)
        return _INCLUDE.sub(lambda match: included(match[1]), text).replace("#pragma once\n", "")

    def included(file: str) -> str:
        if file in done:
            return ""
        done.add(file)
        return text_of(file)

    defined = "".join(f"#define {name} {value}\n" for name, value in (macros or {}).items())
    return defined + constants_text() + text_of(name)
