"""The base of all configuration objects: strict about keys and values, and with errors that people can read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from dtbsim.config.bounds import beyond
from dtbsim.config.locate import Locator, Problem, raise_all
from dtbsim.errors import InputError

if TYPE_CHECKING:
    from typing import Self

    from pydantic._internal._model_construction import ModelMetaclass as _Errors  # type checkers know it and its fields
else:

    class _Errors(type(BaseModel)):
        """Makes objects whose mistakes are InputErrors, and says in `__doc__` what each field takes."""

        def __call__(self, *unnamed: Any, **given: Any) -> Any:
            if unnamed:
                first = next(iter(self.model_fields))
                raise InputError(
                    f"{self.__name__} takes its values by name", remedy=f"write {self.__name__}({first}=..., ...)"
                )
            return _made(self, given, lambda data: super(_Errors, self).__call__(**data))

        @property
        def __doc__(self) -> str | None:
            own = summary_of(self)
            return own and own + _FIELDS + "".join(f"    {line}\n" for line in _field_lines(self))

        def __dir__(self) -> list[str]:
            """The names that `help` goes through: what pydantic brings along tells nobody about a configuration."""
            return ["model_validate"]


_FIELDS = "\n\nFields:\n"
_MOST_ITEMS = 6
_LONGEST_TEXT = 60


class Strict(BaseModel, metaclass=_Errors):
    """Base of all configuration objects: unknown keys and NaN or infinite numbers are errors."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        validate_assignment=True,
        validate_default=False,
        field_title_generator=lambda name, _: name,
    )
    follows: ClassVar[tuple[str, ...]] = ()
    """Fields that follow other values of the configuration unless they are given."""

    @field_validator("*", mode="after")
    @classmethod
    def _sizes(cls, value: Any, info: ValidationInfo) -> Any:
        problem = beyond(info.field_name or "", value)
        if problem is not None:
            raise ValueError(problem)
        return value

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.is_required() else field.default,
            )
            for name, field in cls.model_fields.items()
        ]
        cls.__signature__ = inspect.Signature(parameters)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the object that a mapping means; InputError with every mistake in it."""
        return _made(cls, obj, lambda data: super(Strict, cls).model_validate(data, **options))

    def __setattr__(self, name: str, value: Any) -> None:
        model = type(self)
        if name not in model.model_fields and not name.startswith("_"):
            from dtbsim.config.explain import unknown_key

            raise_all(_named([unknown_key((name,), model, value)], model), Locator())
        _made(model, {name: value}, lambda data: super(Strict, self).__setattr__(name, data[name]), changes=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the fields that are not what they are by default, long values shortened."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if field.is_required() or value != field.default:
                yield name, _Short(value)

    def __str__(self) -> str:
        return repr(self)

    def __dir__(self) -> list[str]:
        return [*type(self).model_fields, "model_copy", "model_dump"]

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the fields that are not what they are by default."""
        from dtbsim.notebook import facts_html

        return facts_html(type(self).__name__, [(str(name), repr(value)) for name, value in self.__repr_args__()])


class _Short:
    """A value whose repr is short: the first items of long lists and mappings, whole numbers without .0."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        value = self._value
        if isinstance(value, dict):
            return _listed("{", [f"{key!r}: {_Short(value[key])!r}" for key in list(value)[:_MOST_ITEMS]], "}", value)
        if isinstance(value, list | tuple):
            return _listed("[", [repr(_Short(item)) for item in value[:_MOST_ITEMS]], "]", value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            return repr(int(value))
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            return repr(value[: _LONGEST_TEXT - 3] + "...")
        return repr(value)


def _listed(opening: str, shown: list[str], closing: str, whole: Any) -> str:
    more = [f"... ({len(whole):,} in all)"] if len(whole) > len(shown) else []
    return opening + ", ".join(shown + more) + closing


_T = TypeVar("_T")


def _made(model: type[BaseModel], given: Any, make: Callable[[Any], _T], *, changes: bool = False) -> _T:
    """Return what `make` makes of the given values, as plain ones; InputError with all that is wrong with them.

    Where it `changes` something, it is not called with values that are wrong.
    """
    data, problems = _taken(given)
    if changes:
        raise_all(_named(problems, model), Locator())
    made: list[_T] = []
    try:
        made.append(make(data))
    except ValidationError as error:
        problems += _explained(error, model, data)
    raise_all(_named(problems, model), Locator())
    return made[0]


def _taken(given: Any) -> tuple[Any, list[Problem]]:
    from dtbsim.config.python_values import plain_values

    return plain_values(given)


def _explained(error: ValidationError, model: type[BaseModel], data: Any) -> list[Problem]:
    from dtbsim.config.explain import explain

    return explain(error, model, data)


def _named(problems: list[Problem], model: type[BaseModel]) -> list[Problem]:
    """The problems with the name of the class before their paths; the paths of a whole configuration need none."""
    if "schema_version" in model.model_fields:
        return problems
    return [Problem((model.__name__, *problem.path), problem.message, problem.remedy) for problem in problems]


_M = TypeVar("_M", bound=BaseModel)


def checked(model: type[_M], data: Any) -> _M:
    """Return the object that plain data mean; pydantic's ValidationError where they do not, for callers who explain."""
    made: _M = model.__pydantic_validator__.validate_python(data)
    return made


def summary_of(model: type[BaseModel]) -> str:
    """Return what a class is, as its docstring says, without the list of its fields."""
    return inspect.cleandoc(vars(model).get("__doc__") or "")


def without_fields(text: str) -> str:
    """Return the text of a `__doc__` without the list of its fields."""
    return text.partition(_FIELDS)[0]


def _field_lines(model: type[BaseModel]) -> Iterator[str]:
    from dtbsim.config.describe import describe, show
    from dtbsim.config.fields import field_annotation

    for name, field in model.model_fields.items():
        if field.is_required():
            default = "required"
        elif isinstance(field.default, BaseModel):
            default = f"default: {type(field.default).__name__}()"
        else:
            default = f"default: {show(field.default)}"
        yield f"{name} ({describe(field_annotation(field))}; {default}): {field.description or ''}"
