"""Apache's own message definitions, read out of the jars: the facts that our declarations are compared with."""

import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from apache_jars import JAVA_CACHE, KafkaVersion

# Tiered storage's records and KRaft's metadata records belong to what Ottla does not aim at (docs/differences.md).
NOT_OURS = re.compile(r"^Remote")
HOLDERS = (
    "kafka-clients",
    "kafka-group-coordinator",
    "kafka-share-coordinator",
    "kafka-transaction-coordinator",
    "kafka-storage",
)


@cache
def definitions(version: KafkaVersion) -> dict[str, dict[str, Any]]:
    """Each definition by the name of its message."""
    found = {}
    for holder in HOLDERS:
        for jar in (JAVA_CACHE / version).glob(f"{holder}-{version}.jar"):
            with zipfile.ZipFile(jar) as archive:
                for name in archive.namelist():
                    if re.search(r"(^|/)message/\w+\.json$", name):
                        read = _without_comments(archive.read(name).decode())
                        if not NOT_OURS.match(read["name"]):
                            found[read["name"]] = read
    return found


def _without_comments(text: str) -> dict[str, Any]:
    """JSON whose lines may be, or end in, a `//` comment; no string in it holds `//` behind a blank."""
    return json.loads(re.sub(r"(^|\s)//[^\n]*", "", text))


@cache
def ours_to_be() -> dict[str, dict[str, Any]]:
    """What the declarations must equal: 4.1.1's definitions, and 3.9.1's of what 4.x dropped.

    The request header of 4.1.1 has lost version 0, which stands in front of ControlledShutdown version 0.
    """
    dropped = definitions("3.9.1")
    return {
        name: dropped[name] if each["validVersions"] == "none" or name == "RequestHeader" else each
        for name, each in definitions("4.1.1").items()
    }


def fields_of(definition: dict[str, Any], struct_type: str) -> list[dict[str, Any]]:
    """The fields of the struct that `struct_type` names, wherever the definition has it."""
    for common in definition.get("commonStructs", []):
        if common["name"] == struct_type:
            return common["fields"]
    for each in _every_field(definition):
        if each["type"].removeprefix("[]") == struct_type and each.get("fields"):
            return each["fields"]
    raise KeyError(struct_type)


def _every_field(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for common in part.get("commonStructs", []):
        yield from _every_field(common)
    for each in part.get("fields", []):
        yield each
        yield from _every_field(each)


def camel_case(name: str) -> str:
    """A field's name as Apache's JSON converters write it."""
    return name[0].lower() + name[1:]
