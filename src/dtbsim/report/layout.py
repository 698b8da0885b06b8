"""The order in which regions are shown: by hemisphere, then by network, where the atlas knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report.data import Groups, IntArray

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

HEMISPHERES = {"L": "Left", "R": "Right", "": ""}
PREFERRED_LABELS = ("yeo7",)
MOST_NETWORKS = 20
NETWORK_NAMES = {
    "Vis": "visual",
    "SomMot": "somatomotor",
    "DorsAttn": "dorsal attention",
    "SalVentAttn": "salience",
    "Limbic": "limbic",
    "Cont": "control",
    "Default": "default",
}


@dataclass(frozen=True)
class RegionOrder:
    """Regions of the run as shown: `order` int[n] lists their indices; `groups` names runs of neighbours.

    Without anything known of them, every region is a group of its own.
    """

    names: list[str]
    hemisphere: list[str]
    order: IntArray
    groups: Groups

    @property
    def ordered_names(self) -> list[str]:
        """Names in the order shown."""
        return [self.names[index] for index in self.order]


def region_order(names: Sequence[str], atlas: Atlas | None) -> RegionOrder:
    """Return the order of the regions `names`; `atlas` (None: not known) holds exactly these regions."""
    if atlas is None:
        return RegionOrder(list(names), [""] * len(names), np.arange(len(names)), each(names))
    chosen = _network_labels(atlas)
    labels = None if chosen is None else list(atlas.labels[chosen])
    names_of = NETWORK_NAMES if chosen in PREFERRED_LABELS else {}
    keys = [(side, label) for side, label in zip(atlas.hemisphere, labels or [""] * atlas.n_regions, strict=True)]
    sides = [side for side in ("L", "R", "") if side in atlas.hemisphere]
    known = [name for name in names_of if name in (labels or ())]
    networks = known + sorted(set(labels or ()) - set(known))
    rank = {(side, label): i for i, (side, label) in enumerate((s, n) for s in sides for n in (networks or [""]))}
    order = np.array(sorted(range(len(keys)), key=lambda index: (rank[keys[index]], index)), dtype=np.int64)
    groups = _groups([keys[i] for i in order], names_of) or each([atlas.display_names[i] for i in order])
    return RegionOrder(list(atlas.display_names), list(atlas.hemisphere), order, groups)


def each(names: Sequence[str]) -> Groups:
    """Return groups of one."""
    return Groups(list(names), list(range(len(names) + 1)))


def _network_labels(atlas: Atlas) -> str | None:
    """Return the name of the labels by which regions are grouped."""
    candidates = [*PREFERRED_LABELS, *atlas.labels]
    for name in candidates:
        if name in atlas.labels and 2 <= len(set(atlas.labels[name])) <= MOST_NETWORKS:
            return name
    return None


def _groups(keys: list[tuple[str, str]], names: Mapping[str, str]) -> Groups | None:
    if len(set(keys)) < 2:
        return None
    starts = [i for i in range(len(keys)) if i == 0 or keys[i] != keys[i - 1]]
    labels = []
    for side, label in (keys[i] for i in starts):
        network = names.get(label, label)
        labels.append(f"{side} {network}".strip() if network else HEMISPHERES[side])
    return Groups(labels, [*starts, len(keys)])
