"""Make the lead fields of bundled atlases anew: `python benchmarks/make_lead_fields.py [FOLDER]`.

This needs MNE-Python (`pip install mne`), whose results are the files; to use these, nothing of it is needed. Head,
inner skull and fiducials are those of fsaverage, electrodes those of the 10-05 system, as the package mne has them.
The outer skull lies between the two at a part of their distance, at most SKULL_MM from the inner one. Regions are those
of the atlas: the centroid (MNI152) taken to fsaverage (MNI305), and the mean surface normal as it is, so that its
length, below 1, is what is left of dipoles that cancel in a folded surface.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mne
import numpy as np
from mne.transforms import apply_trans, invert_transform

from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import FOLDER

ATLASES = ("aal2", "dk68", "schaefer200")
CHANNELS = " ".join(
    [
        "Fp1 Fp2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T7 T8 P7 P8",
        "Fz Cz Pz Oz FC1 FC2 CP1 CP2 FC5 FC6 CP5 CP6 TP9 TP10 POz F1",
        "F2 C1 C2 P1 P2 AF3 AF4 FC3 FC4 CP3 CP4 PO3 PO4 F5 F6 C5",
        "C6 P5 P6 AF7 AF8 FT7 FT8 TP7 TP8 PO7 PO8 FT9 FT10 Fpz CPz AFz",
    ]
).split()
CONDUCTIVITY = (0.3, 0.006, 0.3)
"""Brain, skull and scalp, S/m."""
SPHERE_RADII = (0.87, 0.92, 1.0)
"""Of brain, skull and scalp (Rush and Driscoll 1968)."""
SKULL_MM, SKULL_PART = 7.0, 0.5
INSIDE = 0.98
"""Part of the radius of a sphere's brain beyond which no region may lie."""
GRADE = 3
"""Of the icosahedron that samples the surfaces: 642 vertices each."""
TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""MNI305 (fsaverage) to MNI152, mm: FreeSurfer's matrix."""
DATA = Path(mne.__file__).parent / "data" / "fsaverage"


def main(folder: Path) -> None:
    """Write one file per atlas into `folder`."""
    trans = mne.read_trans(DATA / "fsaverage-trans.fif")  # head to MRI
    info = mne.create_info(CHANNELS, 1000.0, "eeg")
    info.set_montage(mne.channels.make_standard_montage("colin27_1005"))
    models = {"bem": layers(), "sphere": mne.make_sphere_model("auto", "auto", info, SPHERE_RADII, CONDUCTIVITY)}
    folder.mkdir(parents=True, exist_ok=True)
    for name in ATLASES:
        atlas = load_atlas(name)
        normals = np.stack([atlas.maps[f"normal_{axis}"] for axis in "xyz"], axis=1)
        places_mm = apply_trans(np.linalg.inv(TO_MNI152), atlas.xyz_mm)
        fields = {key: gain(info, trans, model, 1e-3 * places_mm, normals) for key, model in models.items()}
        names = {"channels": np.array(CHANNELS), "regions": np.array(atlas.region_names)}
        target = folder / f"{name}.npz"
        np.savez_compressed(target, **fields, **names)
        agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(fields["bem"].T, fields["sphere"].T, strict=True)]
        sys.stdout.write(f"{target}: bem and sphere correlate with {np.median(agreement):.3f} (median of regions)\n")


def layers() -> Any:
    """The solution of the three-layer boundary element model; its surfaces are sampled along rays from a centre."""
    (inner,) = mne.read_bem_surfaces(DATA / "fsaverage-inner_skull-bem.fif")
    (head,) = mne.read_bem_surfaces(DATA / "fsaverage-head.fif")
    centre = inner["rr"].mean(axis=0)
    sphere = mne.surface._get_ico_surface(GRADE)
    rays = sphere["rr"] / np.linalg.norm(sphere["rr"], axis=1, keepdims=True)
    r_inner = distances(centre, rays, inner)
    r_head = np.maximum(distances(centre, rays, head), r_inner + 4e-3)
    r_outer = r_inner + np.minimum(SKULL_MM * 1e-3, SKULL_PART * (r_head - r_inner))
    kinds = mne.io.constants.FIFF
    surfaces = []
    for radius, kind, sigma in (
        (r_head, kinds.FIFFV_BEM_SURF_ID_HEAD, CONDUCTIVITY[2]),
        (r_outer, kinds.FIFFV_BEM_SURF_ID_SKULL, CONDUCTIVITY[1]),
        (r_inner, kinds.FIFFV_BEM_SURF_ID_BRAIN, CONDUCTIVITY[0]),
    ):
        surface = {"rr": centre + radius[:, None] * rays, "tris": sphere["tris"].copy(), "id": kind, "sigma": sigma}
        surface |= {"np": len(rays), "ntri": len(sphere["tris"]), "coord_frame": kinds.FIFFV_COORD_MRI}
        surfaces.append(mne.surface.complete_surface_info(surface, copy=False, verbose=False))
    return mne.make_bem_solution(surfaces, verbose=False)


def distances(centre: Any, rays: Any, surface: Any) -> Any:
    """How far a closed surface is from `centre` along each ray, its farthest crossing (Moeller and Trumbore 1997)."""
    a, b, c = (surface["rr"][surface["tris"][:, k]] - centre for k in range(3))
    found = np.zeros(len(rays))
    for k, ray in enumerate(rays):
        normal = np.cross(ray, c - a)
        det = np.einsum("ij,ij->i", b - a, normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("ij,ij->i", -a, normal) / det
            q = np.cross(-a, b - a)
            v = q @ ray / det
            t = np.einsum("ij,ij->i", c - a, q) / det
        hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 0)
        if not hit.any():
            raise ValueError(f"the surface is open in the direction {ray}")
        found[k] = t[hit].max()
    return found


def gain(info: Any, trans: Any, model: Any, places_m: Any, normals: Any) -> Any:
    """float32[channels, regions], V per A m of the moment `normals` (MRI coordinates) at `places_m`."""
    to_head = invert_transform(trans)
    normals = apply_trans(to_head, normals, move=False)
    if model["is_sphere"]:  # which is in head coordinates
        away = apply_trans(to_head, places_m) - model["r0"]
        size = np.linalg.norm(away, axis=1, keepdims=True)
        places_m = model["r0"] + away * np.minimum(1.0, INSIDE * model["layers"][0]["rad"] / size)
        trans = mne.transforms.Transform("head", "mri")
    unit = np.tile([0.0, 0.0, 1.0], (len(places_m), 1))
    sources = mne.setup_volume_source_space(pos={"rr": places_m, "nn": unit}, verbose=False)
    forward = mne.make_forward_solution(info, trans, sources, model, meg=False, eeg=True, mindist=0.0, verbose=False)
    if forward["nsource"] != len(places_m):
        raise ValueError(f"{len(places_m) - forward['nsource']} regions are not inside the skull")
    columns = forward["sol"]["data"].reshape(len(CHANNELS), len(places_m), 3)
    return np.einsum("crx,rx->cr", columns, normals).astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
