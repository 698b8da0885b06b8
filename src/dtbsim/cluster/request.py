"""What is asked of Slurm: nodes, ranks, time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dtbsim.errors import InputError

_TIME = re.compile(
    r"(?:(?P<days>\d+)-(?P<dh>\d+)(?::(?P<dm>\d+))?(?::(?P<ds>\d+))?"
    r"|(?P<h>\d+):(?P<hm>\d+):(?P<hs>\d+)|(?P<m>\d+)(?::(?P<ms>\d+))?)"
)
_LONGEST_WARNING_S = 300
_WORD = re.compile(r"[^\s]+")


@dataclass(frozen=True)
class Request:
    """What a job needs. `options` are further options of sbatch, as they are written there."""

    nodes: int
    time: str
    ranks_per_node: int = 1
    cpus_per_rank: int | None = None
    gpus_per_node: int | None = None
    partition: str | None = None
    account: str | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InputError for what cannot be meant."""
        for option, number in (
            ("--nodes", self.nodes),
            ("--ranks-per-node", self.ranks_per_node),
            ("--cpus-per-rank", self.cpus_per_rank),
            ("--gpus-per-node", self.gpus_per_node),
        ):
            if number is not None and number < 1:
                raise InputError(f"got {number}", where=option, remedy="allowed: a whole number from 1 on")
        for option, word in (("--partition", self.partition), ("--account", self.account)):
            if word is not None and not _WORD.fullmatch(word):
                raise InputError(f"got '{word}'", where=option, remedy="allowed: a name without blanks")
        for text in self.options:
            if not re.fullmatch(r"--?[a-z][^\n]*", text):
                raise InputError(
                    f"got '{text}'", where="--sbatch", remedy="give an option of sbatch: --sbatch=--qos=long"
                )
        if self.seconds < 60:
            raise InputError(f"got '{self.time}'", where="--time", remedy="allowed: a minute or more")
        if self.gpus_per_node is not None and self.ranks_per_node > self.gpus_per_node:
            raise InputError(
                f"{self.ranks_per_node} ranks on a node with {self.gpus_per_node} GPUs",
                where="--ranks-per-node",
                remedy="a rank takes a GPU of its own: as many ranks as GPUs, or fewer",
            )

    @property
    def ranks(self) -> int:
        """All ranks of the job."""
        return self.nodes * self.ranks_per_node

    @property
    def seconds(self) -> int:
        """The time limit."""
        return seconds_of(self.time)

    @property
    def warning_s(self) -> int:
        """How long before the limit the run gets the signal to leave."""
        return min(_LONGEST_WARNING_S, self.seconds // 5)

    def lines(self) -> list[str]:
        """The options of sbatch."""
        given = {
            "nodes": self.nodes,
            "ntasks-per-node": self.ranks_per_node,
            "cpus-per-task": self.cpus_per_rank,
            "gpus-per-node": self.gpus_per_node,
            "time": self.time,
            "partition": self.partition,
            "account": self.account,
            "signal": f"B:USR1@{self.warning_s}",
        }
        return [*(f"--{name}={value}" for name, value in given.items() if value is not None), *self.options]


def seconds_of(time: str) -> int:
    """The seconds of a time as Slurm writes it: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S. Raises InputError."""
    found = _TIME.fullmatch(time.strip())
    if found is None:
        raise InputError(
            f"got '{time}'",
            where="--time",
            remedy="allowed: minutes, MM:SS, HH:MM:SS, days-HH, days-HH:MM or days-HH:MM:SS, such as 02:00:00",
        )
    part = {name: int(digits or 0) for name, digits in found.groupdict().items()}
    days_s = 86400 * part["days"] + 3600 * part["dh"] + 60 * part["dm"] + part["ds"]
    return days_s + 3600 * part["h"] + 60 * (part["hm"] + part["m"]) + part["hs"] + part["ms"]
