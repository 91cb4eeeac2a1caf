"""JSON Schemas of drafts 4, 6 and 7 as shapes.

Each group of keywords becomes a shape of its own: `enum`, each combination, `not`, `const`, then what `type` names with the
keywords that belong to it, then whatever is left of other types' keywords. More than one are held together by allOf.
Beside a `$ref` nothing counts. (The loader of everit's json-schema library.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from ottla.registry.schemas.json_schema_documents import Place
from ottla.registry.schemas.json_schema_keywords import Keywords, shape_of_type, strings
from ottla.registry.schemas.json_schema_patterns import check_pattern
from ottla.registry.schemas.json_schema_shapes import (
    Array,
    Combined,
    Conditional,
    Constant,
    Criterion,
    Empty,
    Enumeration,
    Negation,
    Numeric,
    Object,
    Shape,
    Text,
)
from ottla.registry.schemas.schema import InvalidSchema

ARRAY_KEYWORDS: Final = frozenset({"items", "additionalItems", "minItems", "maxItems", "uniqueItems"})
OBJECT_KEYWORDS: Final = frozenset(
    {
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "dependencies",
        "patternProperties",
        "additionalProperties",
    }
)
NUMBER_KEYWORDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
TEXT_KEYWORDS: Final = frozenset({"minLength", "maxLength", "pattern", "format"})
CONDITION_KEYWORDS: Final = frozenset({"if", "then", "else"})
CRITERIA: Final[tuple[Criterion, ...]] = ("allOf", "anyOf", "oneOf")

_OLD_FORMATS: Final = frozenset({"date-time", "email", "hostname", "ipv4", "ipv6", "uri"})
_FORMATS_SINCE_6: Final = _OLD_FORMATS | {"json-pointer", "uri-reference", "uri-template"}
FORMATS: Final = {
    4: _OLD_FORMATS,
    6: _FORMATS_SINCE_6,
    7: _FORMATS_SINCE_6 | {"date", "regex", "relative-json-pointer", "time"},
}
"""Those that the library knows; any other says nothing."""

Load = Callable[[Place], Shape]


def classic_shape(keywords: Keywords, load: Load) -> Shape:
    """The shape of one schema object; `load` makes those of the schemas in it."""
    return _Reading(keywords, load).shape()


class _Reading:
    __slots__ = ("_draft", "_k", "_left", "_load")

    def __init__(self, keywords: Keywords, load: Load) -> None:
        self._k = keywords
        self._load = load
        self._draft = keywords.place.draft
        self._left = set(keywords.json)

    def shape(self) -> Shape:
        if "$ref" in self._k:
            shape: Shape = self._k.reference("$ref")
        else:
            parts = [*self._valued(), *self._combined(), *self._typed(), *self._untyped()]
            if len(parts) == 1:
                shape = parts[0]
            else:
                shape = Combined("allOf", parts, generated=True) if parts else Empty()
        self._annotate(shape)
        return shape

    def _annotate(self, shape: Shape) -> None:
        shape.id = self._k.text("id" if self._draft == 4 else "$id")
        shape.title = self._k.text("title")
        shape.description = self._k.text("description")
        if "default" in self._k:
            shape.default = self._k.json["default"]
        shape.annotate(self._k.json, FORMATS[self._draft])

    def _valued(self) -> list[Shape]:
        return [Enumeration(self._k.array("enum"))] if "enum" in self._k else []

    def _combined(self) -> list[Shape]:
        parts: list[Shape] = []
        for criterion in CRITERIA:
            if criterion in self._k:
                shapes = [self._part(criterion, str(i)) for i in range(len(self._k.array(criterion)))]
                parts.append(Combined(criterion, shapes))
        if "not" in self._k:
            parts.append(Negation(self._part("not")))
        if "const" in self._k and self._draft > 4:
            parts.append(Constant(self._k.json["const"]))
        return parts

    def _part(self, *path: str) -> Shape:
        return self._load(self._k.inside(*path))

    def _typed(self) -> list[Shape]:
        if "type" not in self._k:
            return []
        shapes = [self._filled(shape_of_type(name)) for name in self._k.type_names()]
        return shapes if isinstance(self._k.json["type"], str) else [Combined("anyOf", shapes)]

    def _untyped(self) -> list[Shape]:
        parts: list[Shape] = []
        kinds = (
            (self._array_keywords(), Array),
            (self._object_keywords(), Object),
            (NUMBER_KEYWORDS, Numeric),
            (TEXT_KEYWORDS, Text),
        )
        for names, kind in kinds:
            if not self._left.isdisjoint(names):
                parts.append(self._filled(kind()))
        if self._draft >= 7 and not self._left.isdisjoint(CONDITION_KEYWORDS):
            for name in sorted(CONDITION_KEYWORDS.intersection(self._left)):
                self._part(name)  # nothing is compared, but it has to be a schema
            parts.append(Conditional())
        return parts

    def _array_keywords(self) -> frozenset[str]:
        return ARRAY_KEYWORDS | {"contains"} if self._draft > 4 else ARRAY_KEYWORDS

    def _object_keywords(self) -> frozenset[str]:
        return OBJECT_KEYWORDS | {"propertyNames"} if self._draft > 4 else OBJECT_KEYWORDS

    def _filled(self, shape: Shape) -> Shape:
        match shape:
            case Text():
                self._left -= TEXT_KEYWORDS
                self._fill_text(shape)
            case Numeric():
                self._left -= NUMBER_KEYWORDS
                self._fill_number(shape)
            case Array():
                self._left -= self._array_keywords()
                self._fill_array(shape)
            case Object():
                self._left -= self._object_keywords()
                self._fill_object(shape)
        return shape

    def _fill_text(self, shape: Text) -> None:
        shape.min_length = self._k.count("minLength")
        shape.max_length = self._k.count("maxLength")
        shape.pattern = self._k.text("pattern")
        self._k.text("format")  # not compared, but it has to be a name
        if shape.pattern is not None:
            check_pattern(shape.pattern, f"{self._k.place.where}/pattern")

    def _fill_number(self, shape: Numeric) -> None:
        shape.minimum = self._k.number("minimum")
        shape.maximum = self._k.number("maximum")
        shape.multiple_of = self._k.number("multipleOf")
        if shape.multiple_of == 0:
            raise InvalidSchema(f"{self._k.place.where}: multipleOf should not be 0")
        if self._draft == 4:
            # Here these say whether the limits themselves are out; such a change is not compared.
            self._k.flag("exclusiveMinimum")
            self._k.flag("exclusiveMaximum")
        else:
            shape.exclusive_minimum = self._k.number("exclusiveMinimum")
            shape.exclusive_maximum = self._k.number("exclusiveMaximum")

    def _fill_array(self, shape: Array) -> None:
        shape.min_items = self._k.count("minItems")
        shape.max_items = self._k.count("maxItems")
        shape.unique_items = self._k.flag("uniqueItems")
        items = self._k.json.get("items")
        if isinstance(items, list):
            shape.items = [self._part("items", str(index)) for index in range(len(items))]
        elif "items" in self._k:
            shape.all_items = self._part("items")
        if "additionalItems" in self._k:
            shape.additional_items = self._additional("additionalItems")
            if shape.additional_items is False and shape.all_items is not None:
                shape.additional_items = None  # there is nothing that it could be additional to
        if "contains" in self._k and self._draft > 4:
            self._part("contains")
        for name, attribute in (("minContains", "min_contains"), ("maxContains", "max_contains")):
            if isinstance(self._k.json.get(name), int):
                setattr(shape, attribute, self._k.count(name))

    def _additional(self, name: str) -> Shape | Literal[False] | None:
        value = self._k.json[name]
        if isinstance(value, bool):
            return None if value else False
        return self._part(name)

    def _fill_object(self, shape: Object) -> None:
        shape.min_properties = self._k.count("minProperties")
        shape.max_properties = self._k.count("maxProperties")
        if "required" in self._k:
            shape.required = self._k.names("required")
        if "additionalProperties" in self._k:
            shape.additional_properties = self._additional("additionalProperties")
        if "properties" in self._k:
            shape.properties = self._parts("properties")
        if "patternProperties" in self._k:
            for pattern in self._k.object("patternProperties"):
                check_pattern(pattern, f"{self._k.place.where}/patternProperties")
            shape.patterns = self._parts("patternProperties")
        if "propertyNames" in self._k and self._draft > 4:
            self._part("propertyNames")
        if "dependencies" in self._k:
            self._fill_dependencies(shape)

    def _parts(self, name: str) -> dict[str, Shape]:
        return {part: self._part(name, part) for part in self._k.object(name)}

    def _fill_dependencies(self, shape: Object) -> None:
        where = f"{self._k.place.where}/dependencies"
        for name, dependency in self._k.object("dependencies").items():
            if isinstance(dependency, list):
                if names := strings(dependency, f"{where}/{name}"):
                    shape.property_dependencies[name] = names
            else:
                shape.schema_dependencies[name] = self._part("dependencies", name)
