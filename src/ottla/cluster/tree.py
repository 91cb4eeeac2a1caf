"""A tree of small versioned nodes: ZooKeeper's model as an interface.

Each node has a path (`/brokers/ids/1`), some bytes and a `Stat`. Every write names the version it expects (or
`ANY_VERSION`), several writes stand or fall together (`multi`), an ephemeral node lives as long as the session that
made it, a sequential one gets a ten-digit number at its end, and a watch tells once that something changed.

Two implementations: `embedded.EmbeddedTree` (one process, SQLite) and `zookeeper.ZooKeeperTree` (kazoo). One suite
of tests runs over both. All methods belong to the asyncio loop that opened the tree; watches and session listeners
are called on that loop, after the change they tell of can be read.

Source: the ZooKeeper programmer's guide; `org.apache.zookeeper.server.DataTree` and `PrepRequestProcessor` for the
rules of versions and errors.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

ANY_VERSION = -1
"""Given as the expected version of a write: whatever the version is."""


class Stat(NamedTuple):
    """What a tree keeps about a node beside its bytes. Transaction ids (`zxid`) rise over the whole tree."""

    czxid: int
    """Transaction that created the node; for a broker's registration this is the broker epoch."""
    mzxid: int
    """Transaction that last set its bytes."""
    ctime_ms: int
    mtime_ms: int
    version: int
    """Times the bytes were set since creation."""
    cversion: int
    """Times a child was added or removed; also the source of sequence numbers."""
    aversion: int
    ephemeral_owner: int
    """Id of the session that owns an ephemeral node, else 0."""
    data_length: int
    children_count: int
    pzxid: int
    """Transaction that last added or removed a child."""


class EventKind(enum.Enum):
    """What a watch saw."""

    CREATED = "created"
    DELETED = "deleted"
    CHANGED = "changed"
    CHILD = "child"


class WatchEvent(NamedTuple):
    kind: EventKind
    path: str


Watch: TypeAlias = Callable[[WatchEvent], None]
"""Called once, on the loop; set anew by the next read that passes it. Passed to reads of a node's bytes (`get`,
`exists`) and of its children, it is set for each of the two."""


class SessionState(enum.Enum):
    CONNECTED = "connected"
    SUSPENDED = "suspended"
    """The connection is gone, the session and its ephemeral nodes perhaps still live."""
    EXPIRED = "expired"
    """The session is over: its ephemeral nodes and watches are gone. Every later call raises `SessionExpired`."""


SessionListener: TypeAlias = Callable[[SessionState], None]


# Operations of a `multi`.


class Create(NamedTuple):
    path: str
    data: bytes = b""
    ephemeral: bool = False
    sequence: bool = False


class SetData(NamedTuple):
    path: str
    data: bytes
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class Delete:
    path: str
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class Check:
    """Nothing is written; the whole multi fails unless the node has this version."""

    path: str
    version: int


Operation: TypeAlias = Create | SetData | Delete | Check
OperationResult: TypeAlias = str | Stat | None
"""The created path of a `Create`, the new stat of a `SetData`, None for the others."""


class TreeError(Exception):
    """Anything a tree may answer with instead of a result.

    - `NoNode`, `NodeExists`, `BadVersion`, `NotEmpty`, `NoChildrenForEphemerals`, `InvalidPath`: the tree refused;
      nothing was written. In a `multi`, `index` tells which operation was refused.
    - `SessionExpired`: nothing more can be done through this session.
    - `ConnectionLoss`: whether the write happened is not known; read to find out.
    - `TreeUnavailable`: the store itself failed or can't be opened (in use, of a newer schema, disk error).
    """

    def __init__(self, path: str = "", message: str = "", index: int | None = None) -> None:
        super().__init__(message or f"{type(self).__name__}: {path}")
        self.path = path
        self.index = index


class NoNode(TreeError):
    pass


class NodeExists(TreeError):
    pass


class BadVersion(TreeError):
    pass


class NotEmpty(TreeError):
    pass


class NoChildrenForEphemerals(TreeError):
    pass


class InvalidPath(TreeError):
    pass


class SessionExpired(TreeError):
    pass


class ConnectionLoss(TreeError):
    pass


class TreeUnavailable(TreeError):
    pass


class Tree(ABC):
    """One session on a tree. `open` first, `close` last; closing removes the session's ephemeral nodes."""

    @property
    @abstractmethod
    def shared(self) -> bool:
        """Whether other processes read and write this tree too, so that changes of theirs must be watched for."""

    @property
    @abstractmethod
    def session_id(self) -> int:
        """Nonzero id of the open session; equals `Stat.ephemeral_owner` of the nodes it owns."""

    @abstractmethod
    async def open(self) -> None:
        """Start the session. Raises `TreeUnavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """End the session; its ephemeral nodes go. May be called twice."""

    @abstractmethod
    def on_session_state(self, listener: SessionListener) -> None: ...

    @abstractmethod
    async def get(self, path: str, watch: Watch | None = None) -> tuple[bytes, Stat]:
        """The node's bytes. Raises `NoNode`; the watch is set only if the node exists (CHANGED, DELETED)."""

    @abstractmethod
    async def exists(self, path: str, watch: Watch | None = None) -> Stat | None:
        """None if there is no such node; the watch is set either way (CREATED, CHANGED, DELETED)."""

    @abstractmethod
    async def children(self, path: str, watch: Watch | None = None) -> list[str]:
        """Names (not paths) of the children, sorted. Raises `NoNode`; the watch tells CHILD or DELETED."""

    @abstractmethod
    async def get_many(self, paths: Sequence[str]) -> list[tuple[bytes, Stat] | None]:
        """Many nodes in one go, None for each that isn't there; not one moment's view of a shared tree."""

    @abstractmethod
    async def children_many(self, paths: Sequence[str]) -> list[list[str] | None]:
        """The children of many nodes in one go, None for each that isn't there."""

    @abstractmethod
    async def multi(self, operations: Sequence[Operation]) -> list[OperationResult]:
        """All of the operations or none, in order. When it returns, they are durable.

        Raises the error of the first operation refused, with its `index`.
        """

    async def create(
        self, path: str, data: bytes = b"", *, ephemeral: bool = False, sequence: bool = False
    ) -> str:
        """Returns the path made, which for a sequential node ends in its number.

        Raises `NodeExists`, `NoNode` (no parent), `NoChildrenForEphemerals`.
        """
        (created,) = await self.multi([Create(path, data, ephemeral, sequence)])
        assert isinstance(created, str)
        return created

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> Stat:
        """Raises `NoNode`, `BadVersion`."""
        (stat,) = await self.multi([SetData(path, data, version)])
        assert isinstance(stat, Stat)
        return stat

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        """Raises `NoNode`, `BadVersion`, `NotEmpty`."""
        await self.multi([Delete(path, version)])


def parent_of(path: str) -> str:
    """`/a/b` → `/a`, `/a` → `/`."""
    return path.rpartition("/")[0] or "/"


def check_path(path: str) -> None:
    """Raises `InvalidPath` for what ZooKeeper refuses as a path (`org.apache.zookeeper.common.PathUtils`)."""
    if path == "/":
        return
    if not path.startswith("/") or path.endswith("/"):
        raise InvalidPath(path, f"path must start with / and not end with it: {path!r}")
    for name in path[1:].split("/"):
        if name in {"", ".", ".."}:
            raise InvalidPath(path, f"empty or relative name in path: {path!r}")
    for character in path:
        if (
            character <= "\x1f"
            or "\x7f" <= character <= "\x9f"
            or "\ud800" <= character <= "\uf8ff"
            or character >= "\ufff0"
        ):
            raise InvalidPath(path, f"character {character!r} in path: {path!r}")
