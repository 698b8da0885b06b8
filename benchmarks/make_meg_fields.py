"""Make the lead fields of MEG anew: `python benchmarks/make_meg_fields.py [FOLDER]`.

This needs MNE-Python (`pip install mne`), whose results are the files; to use these, nothing of it is needed. Sensors
are those of two helmets as the package mne has them (`canonical_meg`: ctf275, 274 axial gradiometers in T, and
neuromag306, 102 magnetometers in T and 204 planar gradiometers in T/m), head and inner skull those of fsaverage. The
helmet is turned as the head is, and placed where its sensors are nearest to the scalp on average while none is nearer
than GAP_MM. The inner skull is the one surface of the boundary element model, as the skull keeps the currents that
make fields outside. Regions are as in make_lead_fields.py. The script says how far a sphere (Sarvas 1987) agrees.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import mne
import numpy as np
from make_lead_fields import ATLASES, CONDUCTIVITY, DATA, GRADE, TO_MNI152, distances
from mne.transforms import Transform, apply_trans, invert_transform
from scipy.spatial import cKDTree

from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import MEG_FOLDER

SYSTEMS = {"ctf275": "ctf275", "neuromag306": "neuromag"}
"""Helmets, and what mne calls them."""
GAP_MM = 20.0
PLANAR = 3012
"""Coil type of planar gradiometers, whose unit is T/m."""


def main(folder: Path) -> None:
    """Write one file per atlas into `folder`."""
    trans = mne.read_trans(DATA / "fsaverage-trans.fif")  # head to MRI
    to_head = invert_transform(trans)
    (inner,) = mne.read_bem_surfaces(DATA / "fsaverage-inner_skull-bem.fif")
    (scalp,) = mne.read_bem_surfaces(DATA / "fsaverage-head.fif")
    inner_rr, scalp_rr = (apply_trans(to_head, surface["rr"]) for surface in (inner, scalp))
    centre, _ = sphere_of(inner_rr)
    models = {"bem": one_layer(inner), "sphere": mne.make_sphere_model(centre, None)}
    folder.mkdir(parents=True, exist_ok=True)
    placed = {name: helmet(system, scalp_rr) for name, system in SYSTEMS.items()}
    for name in ATLASES:
        atlas = load_atlas(name)
        normals = np.stack([atlas.maps[f"normal_{axis}"] for axis in "xyz"], axis=1)
        places_m = 1e-3 * apply_trans(np.linalg.inv(TO_MNI152), atlas.xyz_mm)
        table: dict[str, Any] = {"regions": np.array(atlas.region_names)}
        for system, info in placed.items():
            fields = {key: gain(info, trans, model, places_m, normals) for key, model in models.items()}
            agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(fields["bem"].T, fields["sphere"].T, strict=True)]
            size = np.linalg.norm(fields["bem"], axis=0) / np.linalg.norm(fields["sphere"], axis=0)
            sys.stdout.write(
                f"{name} {system}: bem and sphere correlate with {np.median(agreement):.3f} (median of regions), "
                f"bem is {np.median(size):.3f} times as large\n"
            )
            dev_head = info["dev_head_t"]
            coils = np.array([ch["loc"] for ch in info["chs"]])
            table |= {
                f"{system}/field": fields["bem"],
                f"{system}/channels": np.array([short(name) for name in info["ch_names"]]),
                f"{system}/units": np.array(["T/m" if c["coil_type"] == PLANAR else "T" for c in info["chs"]]),
                f"{system}/positions_m": (apply_trans(dev_head, coils[:, :3]) - centre).astype(np.float32),
                f"{system}/normals": coils[:, 9:12].astype(np.float32),
            }
        np.savez_compressed(folder / f"{name}.npz", **table)


def short(name: str) -> str:
    """Names of channels as they are usual: `MEG0113`, and `MLC11` without the number of the machine."""
    return name.replace(" ", "").partition("-")[0]


def one_layer(inner: Any) -> Any:
    """The solution of the boundary element model of the inner skull, sampled along rays from its middle."""
    centre = inner["rr"].mean(axis=0)
    sphere = mne.surface._get_ico_surface(GRADE)
    rays = sphere["rr"] / np.linalg.norm(sphere["rr"], axis=1, keepdims=True)
    surface = {"rr": centre + distances(centre, rays, inner)[:, None] * rays, "tris": sphere["tris"].copy()}
    kinds = mne.io.constants.FIFF
    surface |= {"id": kinds.FIFFV_BEM_SURF_ID_BRAIN, "sigma": CONDUCTIVITY[0], "coord_frame": kinds.FIFFV_COORD_MRI}
    surface |= {"np": len(rays), "ntri": len(sphere["tris"])}
    return mne.make_bem_solution([mne.surface.complete_surface_info(surface, copy=False, verbose=False)], verbose=False)


def helmet(system: str, scalp: Any) -> Any:
    """The sensors of a helmet on a head, whose surface is `scalp` [n, 3] (m, head coordinates)."""
    info = mne.channels.read_meg_canonical_info(system)
    sensors = np.array([ch["loc"][:3] for ch in info["chs"]])
    upper = scalp[scalp[:, 2] > 0.0]  # above the ears and the nasion: what is in the helmet
    middle = sphere_of(upper)[0] - sphere_of(sensors)[0]
    tree = cKDTree(upper)
    found = []
    for ahead, lift in itertools.product(np.arange(-0.04, 0.041, 0.004), np.arange(-0.04, 0.121, 0.001)):
        shift = middle + np.array([0.0, ahead, lift])
        distance = tree.query(sensors + shift)[0]
        if distance.min() >= 1e-3 * GAP_MM:
            found.append((float(distance.mean()), *shift))
    nearest, *shift = min(found)
    sys.stdout.write(f"{system}: sensors are {1e3 * nearest:.1f} mm from the scalp on average\n")
    place = np.eye(4)
    place[:3, 3] = shift
    with info._unlock():
        info["dev_head_t"] = Transform("meg", "head", place)
    return info


def sphere_of(points: Any) -> tuple[Any, float]:
    """Centre and radius of the sphere nearest to points, by least squares."""
    table = np.column_stack([2 * points, np.ones(len(points))])
    found = np.linalg.lstsq(table, (points**2).sum(axis=1), rcond=None)[0]
    return found[:3], float(np.sqrt(found[3] + found[:3] @ found[:3]))


def gain(info: Any, trans: Any, model: Any, places_m: Any, normals: Any) -> Any:
    """float32[sensors, regions], T or T/m per A m of the moment `normals` (MRI coordinates) at `places_m`."""
    to_head = invert_transform(trans)
    normals = apply_trans(to_head, normals, move=False)
    unit = np.tile([0.0, 0.0, 1.0], (len(places_m), 1))
    sources = mne.setup_volume_source_space(pos={"rr": places_m, "nn": unit}, verbose=False)
    forward = mne.make_forward_solution(info, trans, sources, model, meg=True, eeg=False, mindist=0.0, verbose=False)
    if forward["nsource"] != len(places_m):
        raise ValueError(f"{len(places_m) - forward['nsource']} regions are not inside the skull")
    columns = forward["sol"]["data"].reshape(len(info["chs"]), len(places_m), 3)
    return np.einsum("crx,rx->cr", columns, normals).astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else MEG_FOLDER)
