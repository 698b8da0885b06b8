"""The quick way through large YAML texts: configurations of thousands of projections, written by programs.

LibYAML scans the text, an order of magnitude faster than Python does. It is asked only for what means the same in every
version of YAML: whatever is unusual in a text (anchors, tags, directives, tabs, keys given twice, mistakes of any kind)
leaves it to `yaml_text`, which alone says what is wrong. `tests/unit/test_config_yaml_plain.py` compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dtbsim.config.locate import KeyPath, Place

SMALLEST = 1 << 15
"""Characters from which on this way is taken."""
DEEPEST = 50
_OTHERWISE_READ = re.compile(
    r"^\.\.\.|[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]", re.MULTILINE
)
"""What versions of YAML or libraries read differently: ends of documents, tabs, other line breaks, control characters,
byte order marks."""
_UNUSABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What escapes can bring into a text and `yaml_text` looks at more closely."""

Scalar = Callable[[str], Any]


class _Unusual(Exception):  # noqa: N818 - no error: the other way is taken
    pass


def read_plain(
    text: str, name: str, numbered: bool, scalar: Scalar, smallest: int = SMALLEST
) -> tuple[Any, dict[KeyPath, Place]] | None:
    """Return data and places of a text as `yaml_text.parse_yaml` does, None where that has to read it.

    `scalar` gives the data of a plain scalar, or raises ValueError.
    """
    if len(text) < smallest or _OTHERWISE_READ.search(text):
        return None
    try:
        from yaml import CBaseLoader, YAMLError
    except ImportError:  # PyYAML without LibYAML: read by Python, slowly
        return None
    loader = CBaseLoader(text)
    try:
        return _Reader(loader, text, name, numbered, scalar).read()
    except (_Unusual, YAMLError, ValueError):
        return None
    finally:
        loader.dispose()


class _Reader:
    """Turns the events of one document into data."""

    def __init__(self, loader: Any, text: str, name: str, numbered: bool, scalar: Scalar) -> None:
        from yaml import events

        self._next, self._events = loader.get_event, events
        self._source, self._name, self._numbered = text, name, numbered
        self._scalar = lru_cache(maxsize=1 << 16)(scalar)
        self._places: dict[KeyPath, Place] = {}

    def read(self) -> tuple[Any, dict[KeyPath, Place]]:
        self._expect(self._events.StreamStartEvent)
        start = self._expect(self._events.DocumentStartEvent)
        if start.version is not None or start.tags:
            raise _Unusual
        first = self._expect(self._events.MappingStartEvent)
        data = self._value(first, (), self._place(first), 0)
        self._expect(self._events.DocumentEndEvent)
        self._expect(self._events.StreamEndEvent)
        return data, self._places

    def _expect(self, kind: type) -> Any:
        event = self._next()
        if type(event) is not kind:
            raise _Unusual
        return event

    def _place(self, event: Any) -> Place:
        line = event.start_mark.line + 1
        return Place(f"{self._name}:{line}" if self._numbered else self._name, line)

    def _value(self, event: Any, path: KeyPath, place: Place, depth: int) -> Any:
        kind = type(event)
        if kind is self._events.AliasEvent or event.anchor is not None or event.tag is not None or depth > DEEPEST:
            raise _Unusual
        self._places[path] = place
        if kind is self._events.ScalarEvent:
            return self._text(event)
        if kind is self._events.MappingStartEvent:
            return self._mapping(path, depth)
        return self._list(path, depth)

    def _text(self, event: Any) -> Any:
        value = event.value
        if event.implicit[0]:
            return self._scalar(value)
        if event.style in ("|", ">"):
            raise _Unusual
        if not value.isprintable() and _UNUSABLE.search(value):
            raise _Unusual
        return value

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        scalar, end = self._events.ScalarEvent, self._events.MappingEndEvent
        while type(event := self._next()) is not end:
            if type(event) is not scalar or event.anchor is not None or event.tag is not None:
                raise _Unusual
            key = self._text(event)
            if type(key) is not str or key in data or key == "<<":
                raise _Unusual
            data[key] = self._value(self._next(), (*path, key), self._place(event), depth + 1)
        return data

    def _list(self, path: KeyPath, depth: int) -> list[Any]:
        data: list[Any] = []
        end = self._events.SequenceEndEvent
        pair = self._events.MappingStartEvent
        while type(event := self._next()) is not end:
            if type(event) is pair and event.flow_style and self._source[event.start_mark.index] != "{":
                raise _Unusual  # [key: value], a mapping without braces
            data.append(self._value(event, (*path, str(len(data))), self._place(event), depth + 1))
        return data
