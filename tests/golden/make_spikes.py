"""What the examples, cut short, and a network of every rule give, as it was when it was last changed on purpose.

    python -m tests.golden.make_spikes      # writes spikes.json

A change of these numbers changes the result of every user's network: it belongs into CHANGELOG.md, with the word
*spikes*.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.helpers.short_examples import EXAMPLES, SHORT
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import ZOO

import dtbsim

DATA = Path(__file__).parent / "spikes.json"
KEYS = ("neurons", "synapses", "spikes", "events", "spike_hash")
NETWORKS = [*SHORT, "every_rule"]


def result_of(name: str, folder: Path) -> dict[str, Any]:
    """The numbers of a network, run in this process."""
    if name in SHORT:
        result = dtbsim.run(EXAMPLES / f"{name}.yaml", out=folder / name, set=SHORT[name])
    else:
        save_small_atlas(folder)
        (folder / "zoo.yaml").write_text(ZOO, encoding="utf-8")
        result = dtbsim.run(folder / "zoo.yaml", out=folder / name)
    return {key: result.summary[key] for key in KEYS}


def main() -> None:
    """Run everything and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        results = {name: result_of(name, Path(folder)) for name in NETWORKS}
    DATA.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
