"""What is fuzzed: each function makes one input from a generator and hands it to what reads such inputs."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from tests.fuzz.pieces import changed_bytes, changed_data, changed_text, python_object, value
from tests.helpers.rich_run import CONFIG as RICH
from tests.helpers.rich_run import write_rich_config
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import BASE

import dtbsim
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import DtbsimError, InputError

ROOT = Path(__file__).parents[2]
SMALL_ENOUGH_TO_RUN = 2_000_000
"""Neurons times steps."""


class Fuzzed:
    """Inputs of one kind in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def case(self, rng: Random) -> None:
        """Make one input and read it; DtbsimError is an answer, everything else is a fault."""
        raise NotImplementedError


class Configurations(Fuzzed):
    """YAML texts and data, validated; small networks that are valid are run, too."""

    runs = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        write_rich_config(folder / "given")
        save_small_atlas(folder / "given", name="aal2")
        examples = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))]
        self.texts = [BASE, RICH, RICH, *examples]

    def case(self, rng: Random) -> None:
        text = rng.choice(self.texts)
        file = self.folder / "given" / "net.yaml"
        if not self.runs and rng.random() < 0.4:
            for name in ("my_models.py", "examples/my_models.py"):
                text = text.replace(name, "my_models.py")
            file.write_bytes(changed_text(text, rng).encode("utf-8", "surrogatepass"))
            network = dtbsim.validate(file)
        else:
            data = parse_yaml(text, "net.yaml")[0]
            for _ in range(1 if self.runs else rng.choice((1, 1, 2, 4))):
                data = changed_data(data, rng)
            overrides = {
                rng.choice(("seed", "simulation.dt_ms", "populations.E.size", "bold.tr_ms", "x.y")): value(rng)
            }
            os.chdir(self.folder / "given")
            network = dtbsim.validate(data, set=overrides if not self.runs and rng.random() < 0.3 else ())
        repr(network)
        if self.runs and network.n_neurons * network.n_steps <= SMALL_ENOUGH_TO_RUN:
            dtbsim.run(network.config, temporary=True, report=rng.random() < 0.05).open().spikes()


class ConfigurationsRun(Configurations):
    """One value of a small network changed, and run where that is valid."""

    runs = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.texts = [RICH]


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


class RunFolders(Fuzzed):
    """Run folders of which a file was changed, lost, or replaced by something else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.whole = dtbsim.run(write_rich_config(folder / "given"), out=folder / "run").run_dir
        self.files = sorted(str(path.relative_to(self.whole)) for path in self.whole.rglob("*") if path.is_file())

    def case(self, rng: Random) -> None:
        name = rng.choice(self.files)
        path = self.whole / name
        kept = path.read_bytes()
        try:
            self._change(path, kept, rng)
            self._read(rng)
        finally:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            path.write_bytes(kept)

    def _change(self, path: Path, kept: bytes, rng: Random) -> None:
        match rng.randrange(8):
            case 0:
                path.unlink()
            case 1:
                path.unlink()
                os.mkfifo(path)
            case 2:
                path.unlink()
                path.mkdir()
            case 3:
                path.unlink()
                path.symlink_to("/dev/zero")
            case 4 if path.suffix == ".json":
                values = json.loads(kept)
                changed_data(values, rng)
                path.write_text(json_of(values))
            case 5 if path.suffix == ".json":
                self._with_checksum(path, kept, rng)
            case 6 if path.suffix in (".yaml", ".json", ".txt"):
                path.write_bytes(changed_text(kept.decode(), rng).encode("utf-8", "surrogatepass"))
            case _:
                path.write_bytes(changed_bytes(kept, rng))

    def _with_checksum(self, path: Path, kept: bytes, rng: Random) -> None:
        """A stranger's file: other values, and a checksum that is right."""
        from dtbsim.checksum import with_checksum

        values = json.loads(kept)
        values.pop("sha256", None)
        values.pop("format", None)
        changed = changed_data(values, rng)
        try:
            path.write_text(with_checksum(changed))
        except ValueError:  # NaN and the like cannot be written so
            path.write_bytes(kept[:-1])

    def _read(self, rng: Random) -> None:
        from dtbsim.store.inspection import inspect_run

        run = dtbsim.open_run(self.whole)
        readers: list[Callable[[], Any]] = [
            lambda: run.spikes(), lambda: run.spikes("E").neuron, lambda: run.rates(), lambda: run.bold(),
            lambda: run.states(), lambda: run.weights(), lambda: run.correlation(), lambda: run.spike_hash(),
            lambda: run.network, lambda: run.summary, lambda: run.status, lambda: run.provenance, lambda: run.config,
            lambda: run.populations, lambda: run._repr_html_(), lambda: list(run.iter_spikes(10)),
            lambda: inspect_run(run), lambda: run.state,
        ]  # fmt: skip
        for read in rng.sample(readers, 6):
            try:
                read()
            except DtbsimError as error:
                check_answer(error)
        if rng.random() < 0.1:
            from dtbsim.report.collect import collect

            collect(self.whole)


class Arguments(Fuzzed):
    """Functions and classes of the Python interface with objects that they cannot take."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.run = dtbsim.run(RUN, out=folder / "run").open()
        self.atlas = dtbsim.load_atlas("dk68")
        self.classes = [
            item
            for item in (getattr(dtbsim, name) for name in dtbsim.__all__)
            if isinstance(item, type) and hasattr(item, "model_fields")
        ]

    def case(self, rng: Random) -> None:
        def odd() -> Any:
            return python_object(rng)

        def build() -> Any:
            model = rng.choice(self.classes)
            fields = list(model.model_fields)
            return model(**{rng.choice((*fields, "x")): odd() for _ in range(rng.choice((0, 1, 2, len(fields))))})

        def assign() -> None:
            config = dtbsim.RunConfig(**copy.deepcopy(RUN))
            part = rng.choice((config, config.simulation, config.populations["E"], config.record))
            setattr(part, rng.choice(list(type(part).model_fields)), odd())

        def data() -> Any:
            return changed_data(copy.deepcopy(RUN), rng, python_object)

        calls: list[Callable[[], Any]] = [
            build, build, build, assign,
            lambda: dtbsim.validate(data()), lambda: dtbsim.validate(data()), lambda: dtbsim.validate(odd()),
            lambda: dtbsim.validate(RUN, set=odd()),
            lambda: dtbsim.validate(RUN, set={"populations.E.parameters": odd(), "record.states": odd()}),
            lambda: dtbsim.run(odd(), out=self.folder / "x"),
            lambda: dtbsim.run(RUN, out=odd(), comm=odd(), overwrite=odd(), temporary=odd()),
            lambda: dtbsim.load_config(odd()), lambda: dtbsim.dump_config(odd()), lambda: dtbsim.open_run(odd()),
            lambda: dtbsim.hash_run(odd(), odd()), lambda: dtbsim.write_report(odd()), lambda: dtbsim.load_atlas(odd()),
            lambda: dtbsim.get_model(odd(), odd()), lambda: dtbsim.get_model("glif1_psc", odd()),
            lambda: self.run.spikes(odd(), odd(), odd()), lambda: self.run.spikes("E", odd()),
            lambda: list(self.run.iter_spikes(odd(), None)), lambda: self.run.states(odd()),
            lambda: self.run.weights(odd()), lambda: self.run.correlation(odd()), lambda: self.run.spike_hash(odd()),
            lambda: self.run.spike_trains_neo(odd()),
            lambda: self.atlas.index(odd()), lambda: self.atlas.select(odd()), lambda: self.atlas.map(odd()),
            lambda: self.atlas.empirical_fc(odd()), lambda: self.atlas.incoming(odd()),
            lambda: self.atlas.subset(odd()),
            lambda: dtbsim.atlas.Atlas(
                **({"name": "x", "region_names": ["a", "b"], "xyz_mm": np.zeros((2, 3)), "weights": np.zeros((2, 2))}
                   | {rng.choice(("name", "region_names", "xyz_mm", "weights", "lengths_mm", "maps", "labels", "fc",
                                  "fc_tr_s", "hemisphere", "lead_field", "notes", "is_cortex", "lengths_source",
                                  "display_names", "other_fc", "fcd")): odd()})
            ),
        ]  # fmt: skip
        os.chdir(self.folder)
        made = rng.choice(calls)()
        if made is not None and type(made).__module__.startswith("dtbsim"):
            repr(made)


RUN: dict[str, Any] = {
    "simulation": {"dt_ms": 0.5, "duration_ms": 20, "threads": 1},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 10, "parameters": {"I_e_pA": 1000}}},
    "projections": {
        "EE": {"source": "E", "target": ["E"], "rule": "all_to_all", "weight_pA": 1, "delay_ms": 1,
               "synapse": {"kind": "stdp", "weight_max": 2}},
    },
    "drives": {"d": {"kind": "poisson", "target": "E", "rate_hz": 100, "weight_pA": 1}},
    "record": {
        "states": [{"population": "E", "variables": ["V_m_mV"], "neurons": [1, 2], "interval_ms": 1}],
        "weights": [{"projection": "EE.E", "interval_ms": 10}],
        "correlations": [{"first": "E", "second": "E", "tau_max_ms": 2}],
    },
}  # fmt: skip

KINDS: dict[str, type[Fuzzed]] = {
    "configurations": Configurations,
    "configurations_run": ConfigurationsRun,
    "atlas_archives": AtlasArchives,
    "atlas_hdf5": AtlasHdf5,
    "atlas_folders": AtlasFolders,
    "spike_files": SpikeFiles,
    "run_folders": RunFolders,
    "arguments": Arguments,
}


def json_of(values: Any) -> str:
    """JSON of any values; Python does not write very long numbers."""
    try:
        return json.dumps(values, indent=2)
    except ValueError:
        return '{"a": ' + "9" * 5000 + "}"


def check_answer(error: DtbsimError) -> None:
    """An error for people: lines that can be printed anywhere, and for an input its exit code."""
    text = str(error)
    text.encode()
    assert text.strip(), "an error without words"
    assert "\x1b" not in text, text[:200]
    assert "\0" not in text, text[:200]
    assert max(map(len, text.splitlines())) < 7000, text[:200]
    assert not isinstance(error, InputError) or error.exit_code == 2
    for inside in ("Input should", "function-", "Traceback (", "pydantic"):
        assert inside not in text, text[:300]
