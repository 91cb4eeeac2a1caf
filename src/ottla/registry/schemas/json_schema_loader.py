"""From the JSON of a schema, and of those it refers to, to its shape."""

from __future__ import annotations

from typing import Final

from ottla.registry.schemas.json_schema_classic import classic_shape
from ottla.registry.schemas.json_schema_documents import Documents, Place
from ottla.registry.schemas.json_schema_keywords import Keywords
from ottla.registry.schemas.json_schema_modern import modern_shape
from ottla.registry.schemas.json_schema_shapes import Anything, Empty, Nothing, Reference, Shape
from ottla.registry.schemas.json_text import JsonValue
from ottla.registry.schemas.schema import InvalidSchema

FIRST_MODERN_DRAFT: Final = 2019


def load_shape(json: JsonValue, resolved: dict[str, JsonValue]) -> Shape:
    """The shape of a schema; `resolved` are the documents it may refer to, by the name it does so.

    Raises InvalidSchema where a keyword holds what it must not, or a reference leads nowhere.
    """
    loader = _Loader(Documents(json, resolved))
    shape = loader.load(loader.documents.root)
    loader.follow_references()
    return shape


class _Loader:
    __slots__ = ("_references", "_shapes", "documents")

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        # By the identity of the JSON, so that all references to a schema lead to one shape.
        self._shapes: dict[int, Shape] = {}
        self._references: list[tuple[Reference, Place]] = []

    def load(self, place: Place) -> Shape:
        if place.json is True:
            return Anything()
        if place.json is False:
            return Nothing()
        if not isinstance(place.json, dict):
            raise InvalidSchema(f"{place.where}: expected a schema, which is an object or a boolean")
        known = self._shapes.get(id(place.json))
        if known is None:
            keywords = Keywords(place.json, self.documents.based(place), self._references)
            make = modern_shape if place.draft >= FIRST_MODERN_DRAFT else classic_shape
            known = self._shapes[id(place.json)] = make(keywords, self.load)
        return known

    def follow_references(self) -> None:
        """Gives each reference its target, those of the targets too."""
        followed: list[tuple[Reference, Place]] = []
        while self._references:
            reference, place = self._references.pop()
            target = self.documents.find(reference.text, place)
            reference.target = Empty() if target is None else self.load(target)
            followed.append((reference, place))
        _refuse_circles(followed)


def _refuse_circles(references: list[tuple[Reference, Place]]) -> None:
    sound: set[int] = set()
    for reference, place in references:
        passed: set[int] = set()
        shape: Shape | None = reference
        while isinstance(shape, Reference) and id(shape) not in sound:
            if id(shape) in passed:
                raise InvalidSchema(f"{place.where}: the reference {reference.text!r} leads back to itself")
            passed.add(id(shape))
            shape = shape.target
        sound |= passed
