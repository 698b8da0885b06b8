"""What a run writes about where it comes from: provenance, configuration, models, inputs, the network. On rank 0."""

from __future__ import annotations

from typing import Any

from dtbsim.checksum import sha256_of
from dtbsim.config import dump_config
from dtbsim.mpi import Comm
from dtbsim.run_folder import RunFolder, now, provenance
from dtbsim.run_folder.inputs import keep_inputs
from dtbsim.simulate.describe import describe_network
from dtbsim.simulate.pause import Ending, as_it_was
from dtbsim.simulate.prepare import Prepared
from dtbsim.simulate.resuming import Resumption


class Origin:
    """The origin of one run, in its folder."""

    def __init__(self, prepared: Prepared, comm: Comm, claimed: RunFolder, argv: list[str]) -> None:
        self._prepared, self._comm, self._claimed, self._argv = prepared, comm, claimed, argv
        self._network = prepared.network
        self._record: dict[str, Any] = {}
        self._files: dict[str, str] = {}
        self._described: dict[str, Any] = {}
        self._config = prepared.config

    def write(self, resumed: Resumption | None) -> None:
        """Write everything that is known before anything is built. Raises StorageError, InputError."""
        self._record = provenance(
            argv=self._argv,
            seed=self._network.seed,
            ranks=self._comm.size,
            threads=self._prepared.threads,
            backend=self._prepared.backend,
        )
        device = self._prepared.choice.device
        self._record["gpu"] = None if device is None else dict(device.facts)
        if resumed is not None and not resumed.begins_here:
            self._go_on(resumed)
            return
        if resumed is not None:
            self._record["branch"] = resumed.branch
        models = self._prepared.models
        self._record["models"] = models.record
        models.write(self._claimed)
        self._config, self._record["inputs"] = keep_inputs(self._prepared.inputs, models.config, self._claimed)
        self._claimed.write_text("config.yaml", dump_config(self._config))
        self._record["files"] = self._files = dict(self._claimed.written)
        self._claimed.write_json("provenance.json", self._record)

    def _go_on(self, resumed: Resumption) -> None:
        """The origin of a run that goes on stays; what this process is comes beside it. Its duration may be another."""
        text, origin = dump_config(self._config), resumed.origin
        self._files = dict(origin.get("files") or {}) | {"config.yaml": sha256_of(text.encode())}
        since = [*(origin.get("resumed") or []), {"step": resumed.step, **self._record}]
        ranks = max(resumed.rank_stores, self._comm.size)
        self._record = origin | {"files": self._files, "ranks": ranks, "resumed": since, "finished": None}
        self._claimed.write_json("provenance.json", self._record)
        self._claimed.write_text("config.yaml", text)

    @property
    def config(self) -> Any:
        """The configuration as the folder has it, on rank 0."""
        return self._config

    def write_network(self, synapses: list[int]) -> dict[str, Any]:
        """Write network.json, and return what it says; `synapses` are those of every rank."""
        made = self._prepared
        self._described = describe_network(self._network, made.plan, made.exchange_plan, synapses)
        self._claimed.write_json("network.json", self._described)
        return self._described

    def write_as_it_was(self, steps: int, changes: Ending) -> None:
        """Of a live run: its duration, and what was set in its course."""
        self._claimed.write_text("config.yaml", dump_config(as_it_was(self._config, steps, changes)))
        self._files["config.yaml"] = self._claimed.written["config.yaml"]
        self._claimed.write_json("network.json", self._described | {"n_steps": steps})

    def finish(self) -> None:
        """Note the end."""
        self._claimed.write_json("provenance.json", self._record | {"finished": now()})
