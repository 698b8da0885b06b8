"""Files as laboratories have them, of one small connectome."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

N = 6
LABELS = ("lh.Aa", "lh.Bb", "lh.Cc", "rh.Aa", "rh.Bb", "rh.Cc")
SIDES = ("L", "L", "L", "R", "R", "R")
_RNG = np.random.default_rng(11)
_HALF = _RNG.uniform(1, 100, (N, N))
WEIGHTS = np.where(np.eye(N, dtype=bool), 0.0, _HALF + _HALF.T)
"""Symmetric, as of tractography."""
DIRECTED = np.where(np.eye(N, dtype=bool), 0.0, _HALF)
XYZ = _RNG.normal(0, 40, (N, 3))
LENGTHS = 20.0 + np.linalg.norm(XYZ[:, None] - XYZ[None], axis=2)
np.fill_diagonal(LENGTHS, 0.0)
BOLD = _RNG.normal(size=(50, N)) + _RNG.normal(size=(50, 1))
FC = np.corrcoef(BOLD, rowvar=False)


def text(matrix: np.ndarray) -> str:
    """A matrix as np.savetxt writes it."""
    out = io.StringIO()
    np.savetxt(out, matrix)
    return out.getvalue()


def write_labelled(path: Path, matrix: np.ndarray, order: list[int] | None = None) -> Path:
    """A .csv with labels in the first line and column, rows and columns in another order if asked for."""
    chosen = list(range(N)) if order is None else order
    lines = [",".join(["", *(LABELS[k] for k in chosen)])]
    lines += [",".join([LABELS[k], *map(repr, matrix[k, chosen].tolist())]) for k in chosen]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_folder(folder: Path) -> Path:
    """Weights, lengths, centroids and BOLD, by names that say what they are."""
    folder.mkdir(parents=True)
    write_labelled(folder / "SC_weights.csv", WEIGHTS)
    np.savetxt(folder / "tract_lengths.csv", LENGTHS, delimiter=",")
    rows = [f"{name},{x},{y},{z}" for name, (x, y, z) in zip(LABELS, XYZ.tolist(), strict=True)]
    (folder / "centroids.csv").write_text("\n".join(["name,x,y,z", *rows]))
    np.savez(folder / "bold.npz", bold=BOLD.T, TR=0.72, labels=np.array(LABELS))
    (folder / "README.md").write_text("what this is")
    return folder


def write_tvb(path: Path) -> Path:
    """A connectivity of TVB as .zip."""
    centres = "\n".join(f"{name} {x} {y} {z}" for name, (x, y, z) in zip(LABELS, XYZ.tolist(), strict=True))
    parts = {
        "weights": text(DIRECTED), "tract_lengths": text(LENGTHS), "centres": centres, "cortical": text(np.ones(N)),
        "hemispheres": text(np.array([side == "R" for side in SIDES])), "areas": text(np.arange(1.0, N + 1)),
        "average_orientations": text(np.eye(N)[:, :3]), "info": "made for a test",
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(f"connectivity_6/{name}.txt", content)
    return path


def write_graphml(path: Path) -> Path:
    """A connectome as networkx writes it (and braingraph.org has them), undirected."""
    keys = {"d0": ("node", "dn_name", "string"), "d1": ("node", "dn_position_x", "double"),
            "d2": ("node", "dn_position_y", "double"), "d3": ("node", "dn_position_z", "double"),
            "d4": ("node", "dn_hemisphere", "string"), "d5": ("edge", "number_of_fibers", "double"),
            "d6": ("edge", "fiber_length_mean", "double")}  # fmt: skip
    head = [f'<key id="{k}" for="{a}" attr.name="{b}" attr.type="{c}"/>' for k, (a, b, c) in keys.items()]
    nodes = [
        f'<node id="{k}"><data key="d0">{LABELS[k]}</data><data key="d1">{XYZ[k, 0]!r}</data>'
        f'<data key="d2">{XYZ[k, 1]!r}</data><data key="d3">{XYZ[k, 2]!r}</data>'
        f'<data key="d4">{"left" if SIDES[k] == "L" else "right"}</data></node>'
        for k in range(N)
    ]
    edges = [
        f'<edge source="{i}" target="{j}"><data key="d5">{float(WEIGHTS[i, j])!r}</data>'
        f'<data key="d6">{float(LENGTHS[i, j])!r}</data></edge>'
        for i in range(N)
        for j in range(i)
    ]
    lines = "".join([*head, '<graph edgedefault="undirected">', *nodes, *edges, "</graph>"])
    lines = lines.replace("np.float64(", "").replace(")", "")
    path.write_text(f'<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">{lines}</graphml>')
    return path


def write_people(folder: Path, n: int = 4) -> Path:
    """A layout like BIDS: weights and BOLD of each, a table of regions for all."""
    for person in range(1, n + 1):
        own = folder / f"sub-{person:02d}"
        (own / "dwi").mkdir(parents=True)
        (own / "func").mkdir()
        weights = WEIGHTS * person
        weights[0, 1] = weights[1, 0] = WEIGHTS[0, 1] if person == 1 else 0.0
        write_labelled(own / "dwi" / f"sub-{person:02d}_connectome.csv", weights)
        np.savetxt(own / "func" / f"sub-{person:02d}_task-rest_bold.tsv", BOLD + 0.1 * person * BOLD**2,
                   delimiter="\t", header="\t".join(LABELS), comments="")  # fmt: skip
        (own / "func" / f"sub-{person:02d}_task-rest_bold.json").write_text('{"RepetitionTime": 2.0}')
    rows = [f"{name},{x},{y},{z},{name[-2:]}" for name, (x, y, z) in zip(LABELS, XYZ.tolist(), strict=True)]
    (folder / "regions.csv").write_text("\n".join(["name,x,y,z,network", *rows]))
    return folder
