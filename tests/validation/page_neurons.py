"""Single neurons on the page of the documentation: against Brian2, and what other tests cover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tests.validation.make_brian_neurons import CASES, DURATION_MS, PATH, SAMPLED_MS
from tests.validation.neurons import BOUNDS, COMPARED_MS, MODELS, deviations
from tests.validation.page_parts import Row, dated
from tests.validation.storage import stored
from tests.validation.svg import OURS, THEIRS, Panel, Series, picture

OTHERS = Path(__file__).with_name("page_neurons.md")
TEST = "validation/test_brian.py"


def rows(content: Any) -> list[Row]:
    """One row per case."""
    brian = stored(PATH)
    found = []
    for name, case in CASES.items():
        until_ms = COMPARED_MS.get(name, DURATION_MS)
        theirs = brian["runs"][name][0]
        shift_ms, gap_mV = deviations(content["runs"][name][0], theirs, until_ms)
        bound_ms, bound_mV = BOUNDS[case["kind"]]
        found.append(
            Row(f"{name} (`{MODELS[case['kind']]}`), constant current, {until_ms:g} ms",
                f"Brian2 {brian['origin']['brian2']}", f"spikes {bound_ms:g} ms, potential (r.m.s.) {bound_mV:g} mV",
                f"{shift_ms:.3f} ms, {gap_mV:.4f} mV, {sum(t <= until_ms for t in theirs['spikes_ms'])} spikes",
                shift_ms < bound_ms and gap_mV < bound_mV, TEST)
        )  # fmt: skip
    return found


def text(content: Any) -> str:
    """What was done, the picture, and the table of other tests."""
    return (
        "## Neurons, one at a time\n\n"
        f"Potentials under constant currents, dtbsim (dt 0.1 ms; {dated(content['origin'])}) over Brian2 (dt 0.005 ms; "
        "`izhikevich`: the paper's scheme, dt 0.1 ms), sampled every millisecond.\n\n"
        "![Potentials](images/validation/neurons.svg)\n\n" + OTHERS.read_text(encoding="utf-8").rstrip()
    )


def pictures(content: Any) -> dict[str, str]:
    """Potentials in both."""
    brian, panels = stored(PATH)["runs"], []
    for name in CASES:
        n = round(120.0 / SAMPLED_MS)
        time = (np.arange(n) + 1) * SAMPLED_MS
        ours, theirs = content["runs"][name][0]["V_m_mV"][:n], brian[name][0]["V_m_mV"][:n]
        series = [Series(time, theirs, THEIRS, "Brian2"), Series(time, ours, OURS, "dtbsim", dashed=True)]
        panels.append(Panel(name, "ms", "mV", series))
    return {"neurons": picture(panels, 4)}
