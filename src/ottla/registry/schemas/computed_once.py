"""A property that is computed when it is first asked for, and kept.

`functools.cached_property` of Python 3.11 holds one lock for all instances of a class while it computes: the normalized text of a
large schema, written in a thread, would hold up whoever asks for that of any other schema. Here nothing is locked. Two threads that
ask at once compute the same value twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

_Value = TypeVar("_Value")


class computed_once(Generic[_Value]):  # noqa: N801 - it is written like `property`
    """Decorates a method without arguments of a class whose instances have a `__dict__`."""

    def __init__(self, compute: Callable[[Any], _Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> _Value: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | _Value:
        if instance is None:
            return self
        # From now on the instance's own attribute is found before this descriptor.
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
