"""CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of batches and producer snapshots.

It is the package `crc32c`'s. On import that package asks the installed metadata for its own version, which brings
`importlib.metadata`, `email`, `zipfile` and `argparse` along: 14 ms of each broker's start. The C module inside needs none of
them, and is loaded by itself.
"""

from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_Checksum = Callable[[bytes | bytearray | memoryview], int]


def _load() -> _Checksum:
    package = PathFinder.find_spec("crc32c")
    inside = package and PathFinder.find_spec("_crc32c", package.submodule_search_locations)
    if inside is None or inside.loader is None:
        from crc32c import crc32c as checksum  # noqa: PLC0415 - a release that is laid out differently

        return checksum
    module = module_from_spec(inside)
    inside.loader.exec_module(module)
    found: _Checksum = module.crc32c
    return found


crc32c: _Checksum = _load()
"""The checksum of some contiguous bytes. Runs in C; copies nothing."""
