"""Fuzzed files that a configuration names: atlases in each of their forms, and listed spikes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from tests.fuzz.fuzzed import Fuzzed, json_of
from tests.fuzz.pieces import changed_bytes, changed_data, changed_text
from tests.helpers.small_atlas import save_small_atlas

import dtbsim


class AtlasArchives(Fuzzed):
    """.npz files of atlases: bytes, members and arrays that were changed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        save_small_atlas(folder)
        self.original = (folder / "small.npz").read_bytes()
        with np.load(folder / "small.npz") as archive:
            self.arrays = dict(archive)

    def changed_arrays(self, rng: Random) -> dict[str, Any]:
        arrays: dict[str, Any] = dict(self.arrays)
        for _ in range(rng.choice((1, 1, 2))):
            key = rng.choice(sorted(arrays))
            match rng.randrange(6):
                case 0:
                    del arrays[key]
                    if not arrays:
                        return {"x": np.zeros(1)}
                case 1:
                    arrays[rng.choice(("fc", "maps/x", "weights/data", "other_fc/", "Ü", "x" * 2000))] = arrays[key]
                case 2:
                    arrays[key] = np.array(rng.choice(([], [1, 2], "text", [["a"]], 3, [np.nan], True, [b"x"], [1j])))
                case 3:
                    arrays[key] = np.resize(arrays[key], rng.choice(((1,), (5, 5), (0, 3), (3, 3, 3))))
                case 4 if arrays[key].dtype.kind == "f" and arrays[key].size:
                    changed = arrays[key].copy()
                    changed.flat[rng.randrange(changed.size)] = rng.choice((-1, np.nan, np.inf, 1e300, 0))
                    arrays[key] = changed
                case _:
                    arrays[key] = (
                        arrays[key].astype(rng.choice(("U3", "f2", "i1", "b1", "c8")), casting="unsafe")
                        if arrays[key].dtype.kind != "U"
                        else np.array(["\udc80"] * 5)
                    )
        return arrays

    def case(self, rng: Random) -> None:
        path = self.folder / "fuzzed.npz"
        if rng.random() < 0.5:
            path.write_bytes(changed_bytes(self.original, rng))
        else:
            (np.savez if rng.random() < 0.5 else np.savez_compressed)(path, **self.changed_arrays(rng))
        atlas = dtbsim.load_atlas(path)
        atlas._repr_html_()
        dtbsim.atlas.atlas_summary(atlas)


class AtlasHdf5(AtlasArchives):
    """.h5 files of atlases."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        dtbsim.atlas.save_atlas(dtbsim.load_atlas(folder / "small.npz"), folder / "small.h5")
        self.packed = (folder / "small.h5").read_bytes()

    def case(self, rng: Random) -> None:
        path = self.folder / "fuzzed.h5"
        path.write_bytes(changed_bytes(self.packed, rng))
        dtbsim.load_atlas(path)


class AtlasFolders(Fuzzed):
    """Folders of small files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from scipy.sparse import csr_array, save_npz

        source = self.folder / "source"
        source.mkdir()
        (source / "regions.csv").write_text(
            "name,x_mm,y_mm,z_mm,hemisphere,t1\n" + "".join(f"r{k},{k},1,2,L,{k}\n" for k in range(4))
        )
        (source / "weights.csv").write_text("\n".join(",".join(str(int(a != b)) for b in range(4)) for a in range(4)))
        np.save(source / "fc.npy", np.eye(4))
        (source / "maps.tsv").write_text("name\tx\n" + "".join(f"r{k}\t{k}\n" for k in range(4)))
        (source / "atlas.json").write_text(json.dumps({"name": "a", "fc_tr_s": 2.0, "citation": "x"}))
        save_npz(self.folder / "weights.npz", csr_array(np.ones((4, 4)) - np.eye(4)))
        self.source = source

    def case(self, rng: Random) -> None:
        target = self.folder / "fuzzed"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.source, target)
        if rng.random() < 0.2:
            (target / "weights.csv").unlink()
            shutil.copy(self.folder / "weights.npz", target)
        path = rng.choice(sorted(target.iterdir()))
        match rng.randrange(6):
            case 0 if path.name == "atlas.json":
                content: Any = changed_data(json.loads(path.read_text()), rng)
                path.write_text(json_of(content))
            case 1:
                path.unlink()
                os.mkfifo(path)
            case 2:
                path.rename(
                    target / rng.choice(("FC_emp.csv", "lengths_mm.csv", "fc_x.npy", "weights.txt", "a.json", "fc.csv"))
                )
            case 3 if path.suffix in (".csv", ".tsv", ".json"):
                path.write_bytes(changed_text(path.read_text(), rng).encode("utf-8", "surrogatepass"))
            case _:
                path.write_bytes(changed_bytes(path.read_bytes(), rng))
        dtbsim.load_atlas(target)


class SpikeFiles(Fuzzed):
    """Listed spikes as .npz and .csv."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        np.savez(folder / "good.npz", neuron=np.arange(5), time_ms=np.arange(1.0, 6.0))
        (folder / "good.csv").write_text("neuron,time_ms\n" + "".join(f"{k},{k + 1}.5\n" for k in range(5)))

    def case(self, rng: Random) -> None:
        suffix = rng.choice(("npz", "csv"))
        good = self.folder / f"good.{suffix}"
        path = self.folder / f"fuzzed.{suffix}"
        if suffix == "csv" and rng.random() < 0.7:
            path.write_bytes(changed_text(good.read_text(), rng).encode("utf-8", "surrogatepass"))
        elif suffix == "npz" and rng.random() < 0.5:
            columns: dict[str, Any] = {
                name: np.array(rng.choice(([], [1, 2], [-1, 3], [0.5, 1e300], [np.nan, 1], ["a", "b"], [True, False], 3,
                                           [2**63, 1], [[1], [2]])))
                for name in rng.choice((("neuron", "time_ms"), ("neuron",), ("time_ms", "neuron", "x")))
            }  # fmt: skip
            np.savez(path, **columns)
        else:
            path.write_bytes(changed_bytes(good.read_bytes(), rng))
        drive = {"kind": "spike_trains", "target": "E", "weight_pA": 1, "file": str(path), "off_grid_spikes": "nearest"}
        dtbsim.validate(
            {
                "simulation": {"duration_ms": 10, "dt_ms": 0.5},
                "populations": {
                    "E": {"model": "iaf_psc_exp", "size": 5},
                    "S": {"model": "spike_source", "size": 5, "spikes_file": str(path)},
                },
                "drives": {"d": drive} if rng.random() < 0.5 else {},
            }
        )
