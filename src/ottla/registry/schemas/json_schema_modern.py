"""JSON Schemas of drafts 2019-09 and 2020-12 as shapes.

Here each keyword stands for itself, a `$ref` too. Shapes of one kind are merged; those of several kinds are held together
by allOf, in the order in which they stand. An allOf of that making dissolves in the combination it is part of. (The
translation from json-sKema's model to everit's in Confluent's registry.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Final, Literal

from ottla.registry.schemas.json_schema_documents import Place
from ottla.registry.schemas.json_schema_keywords import Keywords, shape_of_type, strings
from ottla.registry.schemas.json_schema_patterns import check_pattern
from ottla.registry.schemas.json_schema_shapes import (
    Anything,
    Array,
    Combined,
    Conditional,
    Constant,
    Criterion,
    Empty,
    Enumeration,
    Negation,
    Nothing,
    Numeric,
    Object,
    Shape,
    Text,
)
from ottla.registry.schemas.schema import InvalidSchema

MERGED: Final = (Array, Numeric, Object, Text)
CRITERIA: Final[dict[str, Criterion]] = {"allOf": "allOf", "anyOf": "anyOf", "oneOf": "oneOf"}
REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
CONDITION_KEYWORDS: Final = ("if", "then", "else")

# Keywords with a plain value: the kind of shape, its attribute, how the value is read.
_COUNTS: Final[dict[str, tuple[type[Shape], str]]] = {
    "minLength": (Text, "min_length"),
    "maxLength": (Text, "max_length"),
    "minItems": (Array, "min_items"),
    "maxItems": (Array, "max_items"),
    "minProperties": (Object, "min_properties"),
    "maxProperties": (Object, "max_properties"),
}
_NUMBERS: Final = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "multipleOf": "multiple_of",
}

NO_FORMATS: Final[frozenset[str]] = frozenset()
"""Formats are passed over in these drafts."""

Load = Callable[[Place], Shape]


def modern_shape(keywords: Keywords, load: Load) -> Shape:
    """The shape of one schema object; `load` makes those of the schemas in it."""
    result: Shape | None = None
    for part in _parts(keywords, load):
        result = part if result is None else _joined(result, part)
    if result is None:
        result = Empty()
    _annotate(result, keywords)
    return result


def _annotate(shape: Shape, keywords: Keywords) -> None:
    shape.id = keywords.text("$id")
    shape.title = keywords.text("title")
    shape.description = keywords.text("description")
    keywords.text("format")  # not compared, but it has to be a name
    if keywords.json.get("default") is not None:  # null is none, to the original
        shape.default = keywords.json["default"]
    shape.annotate(keywords.json, NO_FORMATS)


def _joined(left: Shape, right: Shape) -> Shape:
    if type(left) is type(right) and isinstance(left, MERGED):
        return _merged(left, right)
    for several, other in ((left, right), (right, left)):
        alternatives = _generated(several, "anyOf")
        if any(type(shape) is type(other) for shape in alternatives):
            return Combined("anyOf", _accumulated(alternatives, other), generated=True)
    shapes: list[Shape] = []
    for shape in _flat(left) + _flat(right):
        shapes = _accumulated(shapes, shape)
    if len(shapes) == 1:
        return shapes[0]
    return Combined("allOf", shapes, generated=True)


def _generated(shape: Shape, criterion: Criterion) -> list[Shape]:
    """The parts of a combination that no keyword asked for; none of any other shape."""
    if isinstance(shape, Combined) and shape.generated and shape.criterion == criterion:
        return shape.shapes
    return []


def _flat(shape: Shape) -> list[Shape]:
    return _generated(shape, "allOf") or [shape]


def _accumulated(shapes: list[Shape], added: Shape) -> list[Shape]:
    for index, shape in enumerate(shapes):
        if type(shape) is type(added) and isinstance(shape, MERGED):
            return [*shapes[:index], _merged(shape, added), *shapes[index + 1 :]]
    return [*shapes, added]


def _merged(left: Shape, right: Shape) -> Shape:
    """One shape with the keywords of both, the right one's where both have them; neither is changed."""
    merged = copy(left)
    for name in type(left).__slots__:
        before, after = getattr(left, name), getattr(right, name)
        if isinstance(after, dict):
            after = {**before, **after}
        elif isinstance(after, list):
            after = [*before, *after]
        elif isinstance(after, frozenset):
            after = before | after
        elif after is None or (after is False and before):
            continue
        setattr(merged, name, after)
    return merged


def _parts(keywords: Keywords, load: Load) -> Iterator[Shape]:
    """A shape for each keyword; properties and what is unevaluated come last."""
    for name in keywords.json:
        yield from _part(name, keywords, load)
    # An empty object of these is no keyword at all, to the original.
    if "properties" in keywords and (names := keywords.object("properties")):
        yield _object(properties={name: load(keywords.inside("properties", name)) for name in names})
    if "patternProperties" in keywords and (patterns := keywords.object("patternProperties")):
        for pattern in patterns:
            check_pattern(pattern, f"{keywords.place.where}/patternProperties")
        yield _object(
            patterns={pattern: load(keywords.inside("patternProperties", pattern)) for pattern in patterns}
        )
    if "unevaluatedItems" in keywords:
        array = Array()
        array.unevaluated_items = load(keywords.inside("unevaluatedItems"))
        yield array
    if "unevaluatedProperties" in keywords:
        yield _object(unevaluated_properties=load(keywords.inside("unevaluatedProperties")))


def _object(**attributes: object) -> Object:
    shape = Object()
    for name, value in attributes.items():
        setattr(shape, name, value)
    return shape


def _part(name: str, keywords: Keywords, load: Load) -> Iterator[Shape]:
    if name in _COUNTS:
        kind, attribute = _COUNTS[name]
        shape = kind()
        setattr(shape, attribute, keywords.count(name))
        yield shape
    elif name in _NUMBERS:
        yield _number(name, keywords)
    elif name in REFERENCES:
        yield keywords.reference(name)
    elif name in CRITERIA:
        yield _combined(CRITERIA[name], keywords, load)
    elif name in _PARTS:
        yield _PARTS[name](keywords, load)
    elif name == "$defs":
        for definition in keywords.object(name):
            load(keywords.inside(name, definition))  # used or not, it has to be a schema


def _number(name: str, keywords: Keywords) -> Numeric:
    shape = Numeric()
    setattr(shape, _NUMBERS[name], keywords.number(name))
    if shape.multiple_of == 0:
        raise InvalidSchema(f"{keywords.place.where}: multipleOf should not be 0")
    return shape


def _combined(criterion: Criterion, keywords: Keywords, load: Load) -> Combined:
    places = [keywords.inside(criterion, str(i)) for i in range(len(keywords.array(criterion)))]
    return Combined(criterion, [shape for place in places for shape in _flat(load(place))])


def _type(keywords: Keywords, load: Load) -> Shape:  # noqa: ARG001
    shapes = [shape_of_type(name) for name in keywords.type_names()]
    if isinstance(keywords.json["type"], str):
        return shapes[0]
    return Combined("anyOf", shapes, generated=True)


def _pattern(keywords: Keywords, load: Load) -> Shape:  # noqa: ARG001
    shape = Text()
    shape.pattern = keywords.required_text("pattern")
    check_pattern(shape.pattern, f"{keywords.place.where}/pattern")
    return shape


def _items(keywords: Keywords, load: Load) -> Shape:
    array = Array()
    if isinstance(keywords.json["items"], list):  # 2019-09
        array.items = [load(keywords.inside("items", str(i))) for i in range(len(keywords.array("items")))]
        return array
    shape = load(keywords.inside("items"))
    if isinstance(shape, Nothing):
        array.additional_items = False
    elif isinstance(shape, Anything):
        pass
    elif keywords.json.get("prefixItems"):
        array.additional_items = shape
    else:
        array.all_items = shape
    return array


def _prefix_items(keywords: Keywords, load: Load) -> Shape:
    array = Array()
    array.items = [
        load(keywords.inside("prefixItems", str(i))) for i in range(len(keywords.array("prefixItems")))
    ]
    return array


def _additional_items(keywords: Keywords, load: Load) -> Shape:
    array = Array()
    if isinstance(keywords.json.get("items"), list):  # elsewhere it has no meaning
        array.additional_items = _limited(load(keywords.inside("additionalItems")))
    return array


def _limited(shape: Shape) -> Shape | Literal[False] | None:
    if isinstance(shape, Nothing):
        return False
    return None if isinstance(shape, Anything) else shape


def _contains(keywords: Keywords, load: Load) -> Shape:
    load(keywords.inside("contains"))  # nothing in it is compared, but it has to be a schema
    array = Array()
    array.min_contains = keywords.count("minContains") if "minContains" in keywords else 1
    array.max_contains = keywords.count("maxContains")
    return array


def _unique_items(keywords: Keywords, load: Load) -> Shape:  # noqa: ARG001
    array = Array()
    array.unique_items = keywords.flag("uniqueItems")
    return array


def _required(keywords: Keywords, load: Load) -> Shape:  # noqa: ARG001
    return _object(required=keywords.names("required"))


def _additional_properties(keywords: Keywords, load: Load) -> Shape:
    return _object(additional_properties=_limited(load(keywords.inside("additionalProperties"))))


def _property_names(keywords: Keywords, load: Load) -> Shape:
    load(keywords.inside("propertyNames"))
    return Object()


def _dependent_required(keywords: Keywords, load: Load) -> Shape:  # noqa: ARG001
    shape = Object()
    for name in keywords.object("dependentRequired"):
        place = keywords.inside("dependentRequired", name)
        if not isinstance(place.json, list):
            raise InvalidSchema(f"{place.where}: expected an array")
        if place.json:
            shape.property_dependencies[name] = strings(place.json, place.where)
    return shape


def _dependent_schemas(keywords: Keywords, load: Load) -> Shape:
    names = keywords.object("dependentSchemas")
    return _object(
        schema_dependencies={name: load(keywords.inside("dependentSchemas", name)) for name in names}
    )


def _condition(keywords: Keywords, load: Load) -> Shape:
    for name in CONDITION_KEYWORDS:
        if name in keywords:
            load(keywords.inside(name))
    return Conditional()


_PARTS: Final[dict[str, Callable[[Keywords, Load], Shape]]] = {
    "type": _type,
    "enum": lambda keywords, load: Enumeration(keywords.array("enum")),  # noqa: ARG005
    "const": lambda keywords, load: Constant(keywords.json["const"]),  # noqa: ARG005
    "not": lambda keywords, load: Negation(load(keywords.inside("not"))),
    "pattern": _pattern,
    "items": _items,
    "prefixItems": _prefix_items,
    "additionalItems": _additional_items,
    "contains": _contains,
    "uniqueItems": _unique_items,
    "required": _required,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "if": _condition,
}
