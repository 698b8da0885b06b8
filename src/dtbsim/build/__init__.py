"""From the compiled network to what a rank steps: blocks, lanes, neurons, rows of synapses; and the network to look at.

`dtbsim.build(source)` gives the network as it is built (see `dtbsim.api.build`):

    net = dtbsim.build("net.yaml")
    net.populations["E"].parameters               # pandas: a row per neuron
    for part in net.projections["EE"].synapses(): # pandas: about a million synapses at a time
        ...
    net.drives["bg"].rates_hz([0, 500])
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Build(ModuleType):
    """This package, which `import dtbsim.build.…` makes an attribute of `dtbsim`, can be called as the function of its
    name."""

    def __call__(self, source: Any, *, set: Any = ()) -> Any:
        """See `dtbsim.api.build`."""
        return import_module("dtbsim.api").build(source, set=set)


sys.modules[__name__].__class__ = _Build
