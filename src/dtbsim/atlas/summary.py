"""A plain-data description of an atlas, for `dtbsim atlas show` and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.atlas import connectome
from dtbsim.atlas.connectome import Floats
from dtbsim.notebook import facts_html

if TYPE_CHECKING:
    from dtbsim.atlas.model import Atlas


def atlas_summary(atlas: Atlas) -> dict[str, Any]:
    """Return what the atlas holds as plain Python values (JSON-ready).

    Keys: name, description, source, n_regions, n_left, n_right, n_cortical, n_connections, density (of the
    n (n - 1) possible), symmetric, sparse, weights {unit, smallest, largest} (of connections), lengths_mm
    {source, smallest, median, largest} or None, maps {name: {smallest, largest}}, labels {name: number of different
    texts}, fc {tr_s, mean_abs, subjects_leave_one_out} or None, other_fc [names], fcd {window_s, step_s, scans} or
    None, lead_field {channels, unit} or None, licence, citation, acknowledgement, notes.
    """
    edges = atlas.edges()
    possible = atlas.n_regions * (atlas.n_regions - 1)
    return {
        "name": atlas.name,
        "description": atlas.description,
        "source": atlas.source,
        "n_regions": atlas.n_regions,
        "n_left": atlas.hemisphere.count("L"),
        "n_right": atlas.hemisphere.count("R"),
        "n_cortical": int(atlas.is_cortex.sum()),
        "n_connections": atlas.n_connections,
        "density": atlas.n_connections / possible if possible else 0.0,
        "symmetric": connectome.is_symmetric(atlas.weights),
        "sparse": atlas.is_sparse,
        "weights": {"unit": atlas.weights_unit} | _range(edges.weights),
        "lengths_mm": _lengths(atlas, edges.lengths_mm),
        "maps": {name: _range(values) for name, values in atlas.maps.items()},
        "labels": {name: len(set(texts)) for name, texts in atlas.labels.items()},
        "fc": _fc(atlas),
        "other_fc": sorted(atlas.other_fc),
        "fcd": _fcd(atlas),
        "lead_field": None
        if atlas.lead_field is None
        else {"channels": len(atlas.lead_field), "unit": atlas.lead_field_unit},
        "licence": atlas.licence,
        "citation": atlas.citation,
        "acknowledgement": atlas.acknowledgement,
        "notes": atlas.notes,
    }


def atlas_html(atlas: Atlas) -> str:
    """Return what a notebook shows of an atlas."""
    names = ", ".join(atlas.region_names[:4]) + (", ..." if atlas.n_regions > 4 else "")
    facts = [
        ("description", atlas.description),
        ("regions", f"{atlas.n_regions:,} ({names})"),
        ("connections", f"{atlas.n_connections:,}"),
        ("tract lengths", str(atlas.lengths_source)),
        ("maps", ", ".join(atlas.maps)),
        ("measured FC", "" if atlas.fc is None else "yes"),
        ("licence", atlas.licence),
        ("citation", atlas.citation),
    ]
    return facts_html(f"Atlas {atlas.name}", [(label, text) for label, text in facts if text])


def _range(values: Floats) -> dict[str, float | None]:
    if not values.size:
        return {"smallest": None, "largest": None}
    return {"smallest": float(values.min()), "largest": float(values.max())}


def _lengths(atlas: Atlas, lengths_mm: Floats | None) -> dict[str, Any] | None:
    if lengths_mm is None:
        return None
    median = float(np.median(lengths_mm)) if lengths_mm.size else None
    return {"source": atlas.lengths_source, "median": median} | _range(lengths_mm)


def _fc(atlas: Atlas) -> dict[str, Any] | None:
    if atlas.fc is None:
        return None
    pairs = atlas.fc[np.triu_indices(atlas.n_regions, 1)]
    subjects = atlas.fc_leave_one_out
    return {
        "tr_s": atlas.fc_tr_s,
        "mean_abs": float(np.abs(pairs).mean()) if pairs.size else None,
        "subjects_leave_one_out": None if subjects is None else [float(r) for r in subjects],
    }


def _fcd(atlas: Atlas) -> dict[str, Any] | None:
    if atlas.fcd is None:
        return None
    scans = 0 if atlas.fcd.single_scan_ks is None else int(atlas.fcd.single_scan_ks.size)
    return {"window_s": atlas.fcd.window_s, "step_s": atlas.fcd.step_s, "scans": scans}
