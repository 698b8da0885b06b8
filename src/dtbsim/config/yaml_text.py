"""YAML 1.2 text -> plain Python data and the line of every key.

The text is composed to nodes by ruamel.yaml and turned into data here, because the nodes know their lines and because
what YAML leaves open is an error in a configuration: duplicate keys, keys that are not texts, tags, aliases and merge
keys that multiply, characters that no file can hold. All mistakes are told at once, but those of the syntax, where the
first ends the text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

from dtbsim.arguments import show, unusable_character
from dtbsim.config.locate import KeyPath, Place
from dtbsim.config.yaml_plain import read_plain
from dtbsim.errors import InputError, raise_mistakes

MAX_REPEATED = 200_000
MAX_REPEATED_PER_VALUE = 20
"""Values that aliases and merge keys may give again, in all and for each value that is written out."""

_CORE = "tag:yaml.org,2002:"
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_TEXT_TAGS = {_CORE + name for name in ("str", "timestamp", "value")}
_CONSTANTS = {"true": True, "false": False}

Data: TypeAlias = Any


def parse_yaml(text: str, name: str, *, numbered: bool = True) -> tuple[Data, dict[KeyPath, Place]]:
    """Return the data of a YAML text (None if it is empty) and the place of every key path in it.

    `name` is the file for places such as `net.yaml:12`; with `numbered=False` (a command-line value) places carry no
    line. Whole numbers written as floats (1e6) become int. Raises InputError, for all mistakes together.
    """
    plain = read_plain(text, name, numbered, plain_scalar)
    if plain is not None:
        return plain
    reader = _Reader(name, numbered)
    node = reader.compose(text)
    if node is None:
        return None, {}
    try:
        data = reader.convert(node, (), reader.place(node))
    except RecursionError:
        raise InputError("nested too deeply", where=name) from None
    raise_mistakes(reader.mistakes)
    return data, reader.places


class _Reader:
    def __init__(self, name: str, numbered: bool) -> None:
        self.name = name
        self.numbered = numbered
        self.places: dict[KeyPath, Place] = {}
        self.mistakes: list[InputError] = []
        self._open: set[int] = set()  # nodes being converted: an alias to one of them never ends
        self._written: set[int] = set()  # nodes converted before: whoever meets one again has followed an alias
        self._repeated = 0
        self._merged: dict[int, list[tuple[Node, Node]] | None] = {}  # pairs with those merged in; None: in the making

    def place(self, node: Node) -> Place:
        line = node.start_mark.line + 1
        return Place(f"{self.name}:{line}" if self.numbered else self.name, line)

    def error(self, message: str, place: Place, path: KeyPath, remedy: str | None = None) -> InputError:
        keys = ".".join(path)
        return InputError(message, where=f"{place.text}: {keys}" if keys else place.text, remedy=remedy)

    def note(self, message: str, place: Place, path: KeyPath, remedy: str | None = None) -> None:
        """Keep a mistake that does not keep the rest of the text from being read."""
        self.mistakes.append(self.error(message, place, path, remedy))

    def compose(self, text: str) -> Node | None:
        """Return the root node; every syntax error becomes an InputError with its line and column."""
        yaml = YAML(typ="safe", pure=True)
        try:
            node: Node | None = yaml.compose(text)
        except ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise InputError(
                f"control character {chr(error.character)!r} in the text",
                where=f"{self.name}:{line}" if self.numbered else self.name,
            ) from None
        except MarkedYAMLError as error:
            raise self._syntax_error(error, text) from None
        except YAMLError as error:
            raise InputError(f"not valid YAML: {error}", where=self.name) from None
        except RecursionError:
            raise InputError("nested too deeply", where=self.name) from None
        if tuple(yaml.resolver.processing_version) != (1, 2):
            raise InputError("the %YAML directive asks for another version", where=self.name, remedy="allowed: 1.2")
        return node

    def _syntax_error(self, error: MarkedYAMLError, text: str) -> InputError:
        mark = error.problem_mark or error.context_mark
        where, column = self.name, ""
        tab = False
        if mark is not None:
            where = f"{self.name}:{mark.line + 1}" if self.numbered else self.name
            column = f" (column {mark.column + 1})"
            lines = text.splitlines() or [""]
            tab = lines[min(mark.line, len(lines) - 1)][mark.column : mark.column + 1] == "\t"
        if tab:
            return InputError(f"a tab where YAML allows only spaces{column}", where=where, remedy="indent with spaces")
        if error.context == "expected a single document in the stream":
            return InputError("a second document starts here (---)", where=where, remedy="one document per file")
        context = f"{error.context}: " if error.context else ""
        return InputError(f"not valid YAML: {context}{error.problem}{column}", where=where)

    def convert(self, node: Node, path: KeyPath, place: Place) -> Data:
        """Return the data of `node` and note the places of everything in it; `place` is its key's, or its own."""
        if id(node) in self._open:
            raise self.error("an alias contains itself", place, path)
        if id(node) in self._written:
            self._repeat(1, place, path)
        self._written.add(id(node))
        self.places[path] = place
        if isinstance(node, ScalarNode):
            return self._scalar(node, path, place)
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                self._expect_tag(node, "seq", path, place)
                return [
                    self.convert(item, (*path, str(index)), self.place(item)) for index, item in enumerate(node.value)
                ]
            assert isinstance(node, MappingNode)
            self._expect_tag(node, "map", path, place)
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _repeat(self, count: int, place: Place, path: KeyPath) -> None:
        """Count values that are given again; a text of a few lines must not become more than memory holds."""
        self._repeated += count
        most = max(MAX_REPEATED, MAX_REPEATED_PER_VALUE * len(self._written))
        if self._repeated > most:
            message = f"aliases and merge keys repeat more than {most} values"
            raise self.error(message, place, path, "aliases of aliases multiply: write less of them")

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Data]:
        data: dict[str, Data] = {}
        for key_node, value in self._pairs(node, path):
            place = self.place(key_node)
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in data:
                first = self.places[(*path, key)].text
                self.note(f"key '{key}' is given twice; first at {first}", place, (*path, key))
                continue
            data[key] = self.convert(value, (*path, key), place)
        return data

    def _pairs(self, node: MappingNode, path: KeyPath) -> list[tuple[Node, Node]]:
        """Return the (key, value) nodes of a mapping, and those of `<<: *anchor` that it does not have itself."""
        if id(node) in self._merged:
            known_pairs = self._merged[id(node)]
            if known_pairs is None:
                raise self.error("an alias contains itself", self.place(node), path)
            return known_pairs
        self._merged[id(node)] = None
        pairs = [pair for pair in node.value if pair[0].tag != _CORE + "merge"]
        known = {key.value for key, _ in pairs if isinstance(key, ScalarNode)}
        for key_node, value in node.value:
            if key_node.tag != _CORE + "merge":
                continue
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                if not isinstance(source, MappingNode) or id(source) in self._open:
                    raise self.error("<< takes another mapping, or a list of them", self.place(key_node), path)
                theirs = self._pairs(source, path)
                self._repeat(len(theirs), self.place(key_node), path)
                merged = [pair for pair in theirs if pair[0].value not in known]
                pairs += merged
                known.update(key.value for key, _ in merged if isinstance(key, ScalarNode))
        self._merged[id(node)] = pairs
        return pairs

    def _key(self, node: Node, path: KeyPath) -> str | None:
        """Return the text of a key; None, and a mistake is noted, where it is none."""
        if isinstance(node, ScalarNode) and node.tag in _TEXT_TAGS:
            return self._text(str(node.value), path, self.place(node))
        shown = node.value if isinstance(node, ScalarNode) else "a list or mapping"
        quoted = f"quote it: '{node.value}'" if isinstance(node, ScalarNode) else "keys are names"
        self.note(f"the key {shown} is not a text", self.place(node), path, quoted)
        return None

    def _expect_tag(self, node: Node, kind: str, path: KeyPath, place: Place) -> None:
        if node.tag != _CORE + kind:
            self.note(f"the tag {node.tag} is not known", place, path, "configurations use no tags")

    def _scalar(self, node: ScalarNode, path: KeyPath, place: Place) -> Data:
        kind = node.tag.removeprefix(_CORE) if node.tag else ""
        text = str(node.value)
        if node.tag in _TEXT_TAGS:
            return self._text(text, path, place)
        try:
            if kind in _MEANINGS:
                return _MEANINGS[kind](text)
        except (ValueError, KeyError):
            self.note(f"'{text[:40]}' is no valid {kind}", place, path)
            return None
        self._expect_tag(node, "str", path, place)
        return None

    def _text(self, text: str, path: KeyPath, place: Place) -> str:
        """Return a text; escapes that are halves of one character are put together, as in JSON."""
        if unusable_character(text) is None:
            return text
        with contextlib.suppress(UnicodeDecodeError):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        if (bad := unusable_character(text)) is not None:
            self.note(f"{bad} in the text {show(text)} cannot be written to a file", place, path, "remove it")
        return text


def plain_scalar(text: str) -> Data:
    """Return the data of a scalar without quotes and tag. Raises ValueError where it has none."""
    tag = str(_resolver().resolve(ScalarNode, text, (True, False)))
    kind = tag.removeprefix(_CORE)
    if tag in _TEXT_TAGS:
        return text
    if kind not in _MEANINGS or (kind == "bool" and text.lower() not in _CONSTANTS):
        raise ValueError(text)
    return _MEANINGS[kind](text)


@cache
def _resolver() -> VersionedResolver:
    return VersionedResolver(loader=YAML(typ="safe", pure=True))


def _whole(text: str) -> int:
    digits = text.replace("_", "")
    unsigned = digits.lstrip("+-")
    base = _BASES.get(unsigned[:2].lower(), 10)
    value = int(unsigned[2:] if base != 10 else unsigned, base)
    return -value if digits.startswith("-") else value


def _number(text: str) -> float | int:
    plain = text.replace("_", "").lower()
    value = float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    minus_zero = value == 0 and plain.startswith("-")
    if value.is_integer() and abs(value) < 2.0**53 and not minus_zero:  # 1e6 counts neurons as well as 1000000
        return int(value)
    return value


_MEANINGS: dict[str, Callable[[str], Data]] = {
    "null": lambda text: None,
    "bool": lambda text: _CONSTANTS[text.lower()],
    "int": _whole,
    "float": _number,
}
"""Data of a scalar by the kind that its tag names."""
