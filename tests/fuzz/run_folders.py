"""Fuzzed run folders."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.fuzzed import Fuzzed, check_answer, json_of
from tests.fuzz.pieces import changed_bytes, changed_data, changed_text
from tests.helpers.rich_run import write_rich_config

import dtbsim
from dtbsim.errors import DtbsimError


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
