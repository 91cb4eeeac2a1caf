"""Debian's package index, as `apt-cache dumpavail` prints it, to lines of `name<TAB>JSON` on standard output."""

import json
import sys
from collections.abc import Iterable, Iterator


def packages(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """A dictionary for each paragraph; a line that begins with a space goes on with the field above it."""
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[0] in " \t":
            fields[name] += " " + line.strip()
        elif line.strip():
            name, value = line.split(":", 1)
            fields[name] = value.strip()
        elif fields:
            yield fields
            fields = {}
    if fields:
        yield fields


def main() -> None:
    """Each record carries the number of its line, so that whoever reads it can tell what is missing."""
    for number, package in enumerate(packages(sys.stdin)):
        print(package["Package"], json.dumps({"line": number, **package}), sep="\t")


main()
