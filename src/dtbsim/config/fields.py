"""What the configuration vocabulary allows at a place, read off the pydantic models' annotations.

Used to explain errors, to check `--set` key paths and to write the reference: one source for all three.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from dtbsim.config.by_name import ByName
from dtbsim.config.kinds import Kinds
from dtbsim.errors import InputError

_SCALARS = {float: "number", int: "whole", bool: "flag", str: "text", Any: "any"}
_DISCRIMINATORS = ("kind", "distribution")


@dataclass(frozen=True)
class Leaf:
    """One alternative at a place.

    `kind` is number, whole, flag, text, any (value), null, literal (`values`), list (of `item`), mapping (text ->
    `item`) or object (`model`). `limits` are the annotated_types constraints and `pattern` the one of a text. `tag` is
    the label of the alternative in a union that pydantic discriminates.
    """

    kind: str
    model: type[BaseModel] | None = None
    item: Any = None
    values: tuple[Any, ...] = ()
    limits: tuple[Any, ...] = ()
    pattern: str | None = None
    tag: str | None = None

    @property
    def discriminator(self) -> tuple[str, str] | None:
        """Return e.g. ("kind", "poisson") of an object that names what it is, else None."""
        if self.model is None:
            return None
        for key in _DISCRIMINATORS:
            if key in self.model.model_fields:
                values = get_args(self.model.model_fields[key].annotation)
                if len(values) == 1:  # else it is a choice within one class
                    return key, str(values[0])
        return None

    def takes(self, value: Any) -> bool:
        """Tell whether `value` has the shape of this alternative: list, mapping, or neither."""
        if isinstance(value, list | tuple):
            return self.kind == "list"
        if isinstance(value, dict | BaseModel):
            return self.kind in ("mapping", "object")
        return self.kind not in ("list", "mapping", "object")


def out_of_limits(leaf: Leaf, value: float) -> bool:
    """Tell whether a number is beyond one of the limits of an alternative."""
    for limit in leaf.limits:
        for kind, key, fits in _COMPARED:
            if isinstance(limit, kind) and not fits(value, getattr(limit, key)):
                return True
    return False


_COMPARED: tuple[tuple[type, str, Callable[[float, Any], bool]], ...] = (
    (annotated_types.Gt, "gt", operator.gt),
    (annotated_types.Ge, "ge", operator.ge),
    (annotated_types.Lt, "lt", operator.lt),
    (annotated_types.Le, "le", operator.le),
)


def field_annotation(field: FieldInfo) -> Any:
    """Return a model field's annotation with the constraints that pydantic keeps beside it."""
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    metadata: tuple[Any, ...] = ()
    while get_origin(annotation) is Annotated:
        annotation, *own = get_args(annotation)
        metadata = (*own, *metadata)
    return annotation, metadata


def _members(bare: Any) -> tuple[Any, ...] | None:
    if get_origin(bare) in (Union, types.UnionType):
        return get_args(bare)
    return None


def leaves(annotation: Any, outer: tuple[Any, ...] = ()) -> Iterator[Leaf]:
    """Yield the alternatives of an annotation, unions flattened; `outer` are constraints given around it."""
    bare, metadata = _unwrap(annotation)
    metadata = (*metadata, *outer)
    for marker in metadata:
        if isinstance(marker, ByName):
            yield Leaf("literal", values=marker.names)
        if isinstance(marker, Kinds):
            if named := marker.named_alone():
                yield Leaf("literal", values=tuple(named))
            yield from (_leaf(model, ()) for model in marker.models())
            return
    members = _members(bare)
    if members is None:
        yield _leaf(bare, metadata)
        return
    for member in members:
        yield from leaves(member, tuple(item for item in metadata if not isinstance(item, Tag | ByName)))


def _leaf(bare: Any, metadata: tuple[Any, ...]) -> Leaf:
    constraints = list(_flat(metadata))
    limits = tuple(item for item in constraints if isinstance(item, annotated_types.BaseMetadata))
    pattern = next((item.pattern for item in constraints if getattr(item, "pattern", None)), None)
    tag = next((item.tag for item in metadata if isinstance(item, Tag)), None)
    origin, arguments = get_origin(bare), get_args(bare)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        leaf = Leaf("object", model=bare, tag=tag)
        return leaf if tag or not leaf.discriminator else Leaf("object", model=bare, tag=leaf.discriminator[1])
    if origin is Literal:
        return Leaf("literal", values=arguments)
    if origin is list:
        return Leaf("list", item=arguments[0], limits=limits, tag=tag)
    if origin is dict:
        key = next(leaves(arguments[0]))
        return Leaf("mapping", item=arguments[1], pattern=key.pattern, tag=tag)
    if bare is type(None):  # limits given around a union are for its numbers
        return Leaf("null")
    return Leaf(_SCALARS[bare], limits=limits, pattern=pattern, tag=tag)


def _flat(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        else:
            yield item


def of_kind(annotation: Any, value: Any) -> Any:
    """Return the annotation for a given value: where its registered kind decides, the class of that."""
    bare, metadata = _unwrap(annotation)
    for member in _members(bare) or ():
        if (model := of_kind(member, value)) is not member:
            return model
    for marker in metadata:
        if isinstance(marker, Kinds):
            try:
                return marker.model_of(value) or annotation
            except InputError:
                return annotation
    return annotation


def enter_union(annotation: Any, labels: tuple[Any, ...]) -> tuple[Leaf | None, int]:
    """Follow the union labels at the head of a pydantic error location.

    Returns the alternative they lead to and how many labels were used; (None, used) if they end at a union.
    """
    bare, metadata = _unwrap(annotation)
    if any(isinstance(marker, Kinds) for marker in metadata):
        return None, 0
    members = tuple(member for member in _members(bare) or (bare,) if member is not type(None))
    if len(members) == 1:
        inside, markers = _unwrap(members[0])
        if _members(inside) is not None or any(isinstance(marker, Kinds) for marker in markers):
            return enter_union(members[0], labels)
        return next(leaves(annotation if _members(bare) is None else members[0])), 0
    for member in members:
        if labels and _has_label(member, str(labels[0])):
            leaf, used = enter_union(member, labels[1:])
            return leaf, used + 1
    return None, 0


def _has_label(member: Any, label: str) -> bool:
    bare, metadata = _unwrap(member)
    tags = [item.tag for item in metadata if isinstance(item, Tag)]
    if tags:
        return label in tags
    leaf = _leaf(bare, metadata)
    if leaf.model is not None:
        return label == leaf.tag
    # pydantic's names of plain members: str, constrained-int, list[...], dict[...], literal[...]
    names = {"text": "str", "whole": "int", "number": "float", "flag": "bool", "mapping": "dict"}
    return label.removeprefix("constrained-").split("[")[0] == names.get(leaf.kind, leaf.kind)
