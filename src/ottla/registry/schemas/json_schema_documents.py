"""Where references of a JSON Schema lead: into the schema itself, or into those it was registered with.

Nothing is ever fetched. A reference is made absolute by the nearest `$id` around it (RFC 3986) and looked up among the
identifiers of all documents; or its text is, before the `#`, a name that the schema's references list.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from ottla.registry.schemas.json_text import JsonValue
from ottla.registry.schemas.schema import InvalidSchema

Json = dict[str, JsonValue]

DRAFTS: Final = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}
DEFAULT_DRAFT: Final = 7
VALUES: Final = frozenset({"const", "default", "enum", "examples"})
"""Keywords that hold data: nothing in them is a schema."""


def draft_of(json: JsonValue, otherwise: int = DEFAULT_DRAFT) -> int:
    """The draft a document is written in: 4, 6, 7, 2019 or 2020."""
    url = json.get("$schema") if isinstance(json, dict) else None
    if not isinstance(url, str):
        return otherwise
    return DRAFTS.get(_plain(url), otherwise)


def _plain(url: str) -> str:
    url = url.removesuffix("#")
    for known in DRAFTS:
        if url.partition("://")[2] == known.partition("://")[2]:
            return known
    return url


class Place(NamedTuple):
    """A schema inside a document, and what its own references are relative to."""

    json: JsonValue
    base: str
    draft: int
    where: str


class Documents:
    """A schema's text and those of its references, by every identifier that something in them has."""

    __slots__ = ("_bases", "_drafts", "_named", "_places", "root")

    def __init__(self, json: JsonValue, resolved: dict[str, JsonValue]) -> None:
        draft = draft_of(json)
        self._places: dict[str, Place] = {}
        self._named: dict[str, Place] = {}
        self._bases: dict[int, str] = {}
        self.root = self._add(json, "", draft, "#")
        for name, document in resolved.items():
            base = _joined(self.root.base, name)
            place = self._add(document, base, draft_of(document, draft), name + "#")
            self._named[name.removeprefix("./")] = place
            self._places.setdefault(base, place)

    def _add(self, json: JsonValue, base: str, draft: int, where: str) -> Place:
        keyword = "id" if draft == 4 else "$id"
        own = json.get(keyword) if isinstance(json, dict) else None
        if isinstance(own, str):
            base = _joined(base, urldefrag(own)[0])
        place = Place(json, base, draft, where)
        self._places.setdefault(base, place)
        self._index(place, keyword)
        return place

    def _index(self, document: Place, keyword: str) -> None:
        """Notes each identifier within a document, and the base of each of its objects."""
        pending = [document]
        while pending:
            place = pending.pop()
            if isinstance(place.json, list):
                pending += [
                    place._replace(json=item, where=f"{place.where}/{i}") for i, item in enumerate(place.json)
                ]
            elif isinstance(place.json, dict):
                place = self._identified(place, place.json, keyword, document.base)
                pending += [
                    place._replace(json=part, where=f"{place.where}/{name}")
                    for name, part in place.json.items()  # type: ignore[union-attr]
                    if name not in VALUES or not isinstance(place.json, dict)
                ]

    def _identified(self, place: Place, json: Json, keyword: str, base: str) -> Place:
        own = json.get(keyword)
        if isinstance(own, str):
            address, fragment = urldefrag(own)
            if address:
                place = place._replace(base=_joined(place.base, address))
                self._places.setdefault(place.base, place)
            if fragment:
                self._places.setdefault(f"{place.base}#{fragment}", place)
        for anchor in (json.get("$anchor"), json.get("$dynamicAnchor")):
            if isinstance(anchor, str):
                self._places.setdefault(f"{place.base}#{anchor}", place)
        if place.base != base:
            self._bases[id(json)] = place.base
        return place

    def based(self, place: Place) -> Place:
        """The place with the base that its own `$id` gives it."""
        return place._replace(base=self._bases.get(id(place.json), place.base))

    def find(self, reference: str, place: Place) -> Place | None:
        """Where a reference at that place leads; None for the drafts' own schemas, which say nothing about data.

        Raises InvalidSchema where it leads nowhere.
        """
        address, fragment = urldefrag(_joined(place.base, reference))
        if _plain(address) in DRAFTS and address not in self._places:
            return None
        document = self._document(address, reference)
        if document is None:
            raise InvalidSchema(
                f"{place.where}: the reference {reference!r} leads to no schema that this one was registered with"
            )
        if fragment and not fragment.startswith("/"):
            named = self._places.get(f"{document.base}#{unquote(fragment)}")
            if named is None:
                raise InvalidSchema(f"{place.where}: the reference {reference!r} leads to no $anchor or $id")
            return named
        return self._pointed(document, fragment, reference, place)

    def _document(self, address: str, reference: str) -> Place | None:
        name = urldefrag(reference)[0].removeprefix("./")
        return self._places.get(address) or self._named.get(name)

    def _pointed(self, document: Place, pointer: str, reference: str, place: Place) -> Place:
        json, base = document.json, document.base
        for token in unquote(pointer).split("/")[1:]:
            step = _step(json, token.replace("~1", "/").replace("~0", "~"))
            if step is None:
                raise InvalidSchema(
                    f"{place.where}: the reference {reference!r} leads to nothing: no {token!r}"
                )
            (json,) = step
            base = self._bases.get(id(json), base)
        return Place(json, base, document.draft, document.where.partition("#")[0] + "#" + pointer)


def _step(json: JsonValue, token: str) -> tuple[JsonValue] | None:
    if isinstance(json, dict) and token in json:
        return (json[token],)
    if isinstance(json, list) and token.isdecimal() and len(token) < 10 and int(token) < len(json):
        return (json[int(token)],)
    return None


def _joined(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        raise InvalidSchema(f"{reference!r} is no URI reference") from None
