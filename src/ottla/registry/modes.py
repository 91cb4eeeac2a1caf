"""Modes of a subject, a context or the whole registry: what may be written.

| mode | means |
|---|---|
| READWRITE | schemas are registered and deleted |
| READONLY | nothing is |
| READONLY_OVERRIDE | nothing is, whatever the modes of subjects say; for the whole registry |
| IMPORT | schemas come with ids and versions of their own, unchecked; from another registry |
| FORWARD | like IMPORT, for a registry that follows another one; for the whole registry |
"""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """By the names of the REST API."""

    READWRITE = "READWRITE"
    READONLY = "READONLY"
    READONLY_OVERRIDE = "READONLY_OVERRIDE"
    IMPORT = "IMPORT"
    FORWARD = "FORWARD"

    @property
    def forbids_writes(self) -> bool:
        return self in {Mode.READONLY, Mode.READONLY_OVERRIDE}

    @property
    def takes_ids(self) -> bool:
        """Whether ids and versions come with the schemas."""
        return self in {Mode.IMPORT, Mode.FORWARD}
