"""JSON objects in files that know whether they are whole: the last entry is the SHA-256 of all bytes before it.

    {
      "format": 2,
      ...
      "sha256": "64 hexadecimal digits"
    }

`head -n -2 FILE | sha256sum` gives the same digits. First and last entry vouch for each other: a file that has lost one
of them is damaged; one that has neither was written by version 0.1, which had no checksums.

Standard library alone: the supervisor of an MPI job loads this file by its path.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

FORMAT = 2
"""Of the files of a run folder. 1: version 0.1, without checksums."""

_HEAD = b'{\n  "format": '
_TAIL = re.compile(rb'  "sha256": "([0-9a-f]{64})"\n\}\n')
_TAIL_BYTES = 81


class DamagedError(ValueError):
    """The content of a file is not what was written; the message says what is wrong with it."""


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def with_checksum(values: Mapping[str, Any]) -> str:
    """Return plain values as the text of such a file. They have no keys `format` and `sha256` of their own."""
    body = json_text({"format": FORMAT, **values}).removesuffix("\n}") + ",\n"
    return f'{body}  "sha256": "{sha256_of(body.encode())}"\n}}\n'


def checked(data: bytes) -> dict[str, Any]:
    """Return the values in the bytes of a file, without `format` and `sha256`; those of version 0.1 as they are.

    Raises DamagedError where the bytes are not those that were written, or no JSON object.
    """
    head, tail = data.startswith(_HEAD), _TAIL.fullmatch(data[-_TAIL_BYTES:])
    if not head and tail is None:
        return _parsed(data)
    if not head or tail is None or sha256_of(data[:-_TAIL_BYTES]).encode() != tail[1]:
        raise DamagedError("the content does not match its checksum")
    values = _parsed(data)
    found = values.pop("format")
    if found != FORMAT:
        raise DamagedError(f"format {found}, this version reads {FORMAT}: it was written by another version of dtbsim")
    del values["sha256"]
    return values


def has_checksum(data: bytes) -> bool:
    """Whether the bytes are those of a file with a checksum, right or wrong."""
    return data.startswith(_HEAD) or _TAIL.fullmatch(data[-_TAIL_BYTES:]) is not None


def json_text(values: Mapping[str, Any]) -> str:
    """Return indented JSON that can be encoded as UTF-8, also where a text holds bytes that were no UTF-8."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(values, indent=2, allow_nan=False)
    return text


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedError(str(error).splitlines()[0]) from error
    if not isinstance(values, dict):
        raise DamagedError(f"expected a JSON object, found {type(values).__name__}")
    return values
