"""Access rules made and taken away: CreateAcls and DeleteAcls (KIP-140), a pattern's rules being one node of the tree.

Nodes: `AclAuthorizer` of 3.9 (`acl_nodes`). Whether a rule may be kept at all is checked before (`ottla.security.acl.check_binding`), and
whoever has thousands of them to change comes with a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar

from ottla.cluster import acl_nodes
from ottla.cluster.acl_bindings import AclBinding, AclEntry, AclNode, ResourcePattern
from ottla.cluster.decision import Decision
from ottla.cluster.image import ImageDraft, MetadataImage
from ottla.cluster.tree import Create, Delete, Operation, SetData
from ottla.protocol.errors import ErrorCode

MAX_NODE_BYTES: Final = 1_000_000
"""What ZooKeeper takes in one node (`jute.maxbuffer`), less what stands around it: some 8,000 rules of one pattern."""
_BYTES_PER_STEP: Final = 500_000

Announce: TypeAlias = Callable[[ResourcePattern], Sequence[Operation]]
"""Gives the operations by which other brokers hear of a pattern's changed rules."""

_T = TypeVar("_T")


class AclOutcome(NamedTuple):
    """One for each rule to be made, in the order asked; one that was there before is made as well."""

    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


def create_acls(
    image: MetadataImage, bindings: Iterable[AclBinding], announce: Announce
) -> Decision[AclOutcome]:
    """Each pattern by itself: its rules are there, all of them, or none."""
    decision: Decision[AclOutcome] = Decision(ImageDraft(image))
    asked = list(bindings)
    wanted: dict[ResourcePattern, dict[AclEntry, None]] = {}
    for pattern, entry in asked:
        if pattern not in wanted:
            wanted[pattern] = dict.fromkeys(_entries(image, pattern))
        wanted[pattern][entry] = None
    full = set(_store(decision, wanted, announce))
    decision.outcomes = [_TOO_MANY if pattern in full else _MADE for pattern, _ in asked]
    return decision


def delete_acls(image: MetadataImage, bindings: Iterable[AclBinding], announce: Announce) -> Decision[None]:
    """Those that are there."""
    decision: Decision[None] = Decision(ImageDraft(image))
    left: dict[ResourcePattern, dict[AclEntry, None]] = {}
    for pattern, entry in bindings:
        if pattern not in left:
            left[pattern] = dict.fromkeys(_entries(image, pattern))
        left[pattern].pop(entry, None)
    _store(decision, left, announce)
    return decision


_MADE: Final = AclOutcome()
_TOO_MANY: Final = AclOutcome(
    ErrorCode.INVALID_REQUEST,
    f"The access rules of one resource pattern do not fit into {MAX_NODE_BYTES} bytes any more.",
)


def _entries(image: MetadataImage, pattern: ResourcePattern) -> tuple[AclEntry, ...]:
    node = image.acls.get(pattern)
    return () if node is None else node.entries


def _store(
    decision: Decision[_T], wanted: Mapping[ResourcePattern, dict[AclEntry, None]], announce: Announce
) -> list[ResourcePattern]:
    """All entries that patterns shall have; returns the patterns that can't have so many."""
    full: list[ResourcePattern] = []
    operations: list[Operation] = []
    size_bytes = 0
    for pattern, kept in wanted.items():
        older = decision.draft.older.acls.get(pattern)
        entries = tuple(kept)
        if entries == (() if older is None else older.entries):
            continue
        data = acl_nodes.encode(entries)
        if len(data) > MAX_NODE_BYTES:
            full.append(pattern)
            continue
        size_bytes += len(data)
        if size_bytes > _BYTES_PER_STEP:
            decision.add_step(operations)
            operations, size_bytes = [], len(data)
        operations.append(_write(decision.draft, pattern, older, entries, data))
        operations += announce(pattern)
    decision.add_step(operations)
    return full


def _write(
    draft: ImageDraft,
    pattern: ResourcePattern,
    older: AclNode | None,
    entries: tuple[AclEntry, ...],
    data: bytes,
) -> Operation:
    """Each write names the version it follows: on a shared tree any of Apache's brokers may have written meanwhile."""
    path = acl_nodes.path(pattern)
    if older is None:
        draft.put_acls(pattern, AclNode(entries))
        return Create(path, data)
    if not entries:
        draft.remove_acls(pattern)
        return Delete(path, older.version)
    draft.put_acls(pattern, AclNode(entries, older.version + 1))
    return SetData(path, data, older.version)
