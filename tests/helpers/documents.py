"""The blocks of code in a Markdown document, with directions for running them that readers do not see.

A direction is an HTML comment right before a block, `<!-- run: ITEM; ITEM -->`:

    skip REASON          not run
    nightly              run only by `make nightly`
    needs MODULE         run only where this Python module can be imported
    set KEY=VALUE        every `dtbsim run`, `tune` and `validate` of the block gets --set KEY=VALUE
    replace OLD => NEW   in the text of the block
    file NAME            the block is the content of this file, for later blocks
    prints               the block is what the block before it printed

and `<!-- run: setup` followed by lines of Python and `-->` prepares what the next block takes for granted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

COMMANDS = ("dtbsim", "make", "mpiexec", "python", "pip", "sbatch", "git", ".venv/bin/dtbsim", ".venv/bin/pip")
_FENCE = re.compile(r"^( *)```(\w*) *$")
_DIRECTION = re.compile(r"^<!-- run: ?(.*?)(-->)?$")


@dataclass
class Block:
    """A block: its language (`shell` for indented and fenced commands), text, first line, and directions."""

    language: str
    text: str
    line: int
    skip: str = ""
    nightly: bool = False
    needs: str = ""
    file: str = ""
    prints: bool = False
    setup: str = ""
    overrides: list[str] = field(default_factory=list)

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, one each, with its overrides; continued lines are joined."""
        lines = re.sub(r"\\\n *", " ", self.text).splitlines()
        found = []
        for line in lines:
            command = re.sub(r"(^|\s)#.*$", "", line).strip().removeprefix("$ ")
            if command and re.search(r"\bdtbsim (run|tune|validate)\b", command):
                command += "".join(f" --set {override}" for override in self.overrides)
            if command:
                found.append(command)
        return found


def blocks_of(path: Path) -> list[Block]:
    """Return all blocks in order. Indented blocks count where each of their lines is a command."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    items: list[str] = []
    setup = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        if (direction := _DIRECTION.match(line)) is not None:
            if direction[2]:
                items += [item.strip() for item in direction[1].split(";")]
            else:
                end = lines.index("-->", at)
                setup = "\n".join(lines[at + 1 : end])
                at = end
            at += 1
            continue
        block: Block | None = None
        if (fence := _FENCE.match(line)) is not None:
            end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
            text = "\n".join(text.removeprefix(fence[1]) for text in lines[at + 1 : end])
            block = Block("shell" if fence[2] in ("sh", "bash", "shell", "console") else fence[2], text, at + 2)
        elif line.startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            end = next((n for n in range(at, len(lines)) if not lines[n].startswith("    ")), len(lines))
            text = "\n".join(text[4:] for text in lines[at:end])
            block = Block("shell" if _is_shell(text) else "", text, at + 1)
            end -= 1
        if block is not None:
            block.setup = setup
            _direct(block, items, path)
            found.append(block)
            at = end
        if block is not None or line.strip():
            if block is None and items:
                raise ValueError(f"{path}:{at + 1}: directions {items} stand before no block")
            items, setup = [], ""
        at += 1
    return found


def _is_shell(text: str) -> bool:
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip() and not line.startswith("#")]
    return bool(lines) and all(line.split()[0] in COMMANDS for line in lines)


def _direct(block: Block, items: list[str], path: Path) -> None:
    for item in items:
        key, _, value = item.partition(" ")
        if key in ("skip", "needs", "file") and value:
            setattr(block, key, value)
        elif key in ("nightly", "prints") and not value:
            setattr(block, key, True)
        elif key == "set" and "=" in value:
            block.overrides.append(value)
        elif key == "replace" and " => " in value:
            old, _, new = value.partition(" => ")
            if old not in block.text:
                raise ValueError(f"{path}:{block.line}: there is no {old!r} to replace")
            block.text = block.text.replace(old, new)
        else:
            raise ValueError(f"{path}:{block.line}: no such direction: {item!r}")
