"""What a kernel takes, read from machine code: a cubin is an ELF file, its section `.nv.info` holds attributes.

An attribute is format (1 byte), number (1), then a value of 16 bits, or for format 4 its size and that many bytes.
Of those used here the bytes are the index of a function in the symbol table and a number, both of 32 bits.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

REGISTERS, FRAME = 0x2F, 0x11
SIZED = 4
SYMBOL = struct.Struct("<IBBHQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")


class Needs(NamedTuple):
    """Registers and bytes of local memory (spills, arrays) per thread, bytes of static shared memory per block."""

    registers: int
    local_bytes: int
    shared_bytes: int


def needs_of(cubin: bytes) -> dict[str, Needs]:
    """By name of the kernel."""
    sections = _sections(cubin)
    names = _symbols(sections)
    found: dict[str, dict[int, int]] = {}
    at, info = 0, sections[".nv.info"]
    while at < len(info):
        kind, attribute, size = struct.unpack_from("<BBH", info, at)
        at += 4
        if kind == SIZED:
            if attribute in (REGISTERS, FRAME):
                index, value = struct.unpack_from("<II", info, at)
                found.setdefault(names[index], {})[attribute] = value
            at += size
    kernels = [name.removeprefix(".text.") for name in sections if name.startswith(".text.")]
    return {
        name: Needs(found[name][REGISTERS], found[name][FRAME], len(sections.get(f".nv.shared.{name}", b"")))
        for name in kernels
    }


def _sections(elf: bytes) -> dict[str, bytes]:
    """Contents by name."""
    assert elf[:6] == b"\x7fELF\x02\x01", "64 bits, little-endian"
    (table_at,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [SECTION.unpack_from(elf, table_at + k * size) for k in range(count)]
    no_bits = 8
    contents = [bytes(h[5]) if h[1] == no_bits else elf[h[4] : h[4] + h[5]] for h in headers]
    return {_text(contents[names], header[0]): content for header, content in zip(headers, contents, strict=True)}


def _symbols(sections: dict[str, bytes]) -> list[str]:
    table = sections[".symtab"]
    return [_text(sections[".strtab"], SYMBOL.unpack_from(table, at)[0]) for at in range(0, len(table), SYMBOL.size)]


def _text(strings: bytes, at: int) -> str:
    return strings[at : strings.index(b"\0", at)].decode()
