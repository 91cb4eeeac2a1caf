"""The nodes of a tree in an SQLite file, with ZooKeeper's rules; called from one thread only, and it may block.

    node  path → bytes, and what `Stat` needs
    tree  one row: the last transaction id given

A write-ahead log with `synchronous = FULL` makes each transaction durable before it is answered; the exclusive
locking mode keeps every other process out for as long as this one has the file open, and the operating system lets
go of the lock when the process dies. `PRAGMA user_version` is the schema's version: a newer one than this code knows
is refused rather than guessed at.

An I/O error (as opposed to a full disk) closes the store for good: after a failed fsync nobody knows which pages
are on the disk, so trying again could acknowledge what is lost.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Self

from ottla.cluster.tree import (
    ANY_VERSION,
    BadVersion,
    Check,
    Create,
    Delete,
    EventKind,
    InvalidPath,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    Operation,
    OperationResult,
    SetData,
    Stat,
    TreeError,
    TreeUnavailable,
    WatchEvent,
    check_path,
    parent_of,
)

SCHEMA_VERSION: Final = 1
IN_MEMORY: Final = ":memory:"

_APPLICATION_ID: Final = 0x4F74746C  # "Ottl": tells this file from any other SQLite database

_SCHEMA: Final = """
CREATE TABLE node (
    path            TEXT PRIMARY KEY,
    parent          TEXT,
    data            BLOB NOT NULL,
    czxid           INTEGER NOT NULL,
    mzxid           INTEGER NOT NULL,
    pzxid           INTEGER NOT NULL,
    ctime_ms        INTEGER NOT NULL,
    mtime_ms        INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    children_made   INTEGER NOT NULL,
    children_count  INTEGER NOT NULL,
    ephemeral_owner INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX node_by_parent ON node (parent);
CREATE TABLE tree (last_zxid INTEGER NOT NULL);
INSERT INTO tree VALUES (0);
INSERT INTO node VALUES ('/', NULL, x'', 0, 0, 0, 0, 0, 0, 0, 0, 0);
"""

_COLUMNS: Final = (
    "data, czxid, mzxid, pzxid, ctime_ms, mtime_ms, version, children_made, children_count, ephemeral_owner"
)


class _Row(NamedTuple):
    data: bytes
    czxid: int
    mzxid: int
    pzxid: int
    ctime_ms: int
    mtime_ms: int
    version: int
    children_made: int
    children_count: int
    ephemeral_owner: int

    def stat(self) -> Stat:
        return Stat(
            czxid=self.czxid,
            mzxid=self.mzxid,
            ctime_ms=self.ctime_ms,
            mtime_ms=self.mtime_ms,
            version=self.version,
            # ZooKeeper keeps the number of children ever made and shows it as the number of changes.
            cversion=2 * self.children_made - self.children_count,
            aversion=0,
            ephemeral_owner=self.ephemeral_owner,
            data_length=len(self.data),
            children_count=self.children_count,
            pzxid=self.pzxid,
        )


class Applied(NamedTuple):
    """What a transaction did: a result for each operation, and what watches will want to know."""

    results: list[OperationResult]
    events: list[WatchEvent]


class NodeStore:
    """Opens the file at once. Raises `TreeUnavailable` with what is wrong and what to do."""

    def __init__(self, path: str, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._now_ms = now_ms
        self._failed: str | None = None
        if path != IN_MEMORY:
            _make_directory(os.path.dirname(path))  # noqa: PTH120
            _make_private(path)
        try:
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise TreeUnavailable(path, f"can't open the metadata file {path}: {error}") from error
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> tuple[bytes, Stat] | None:
        row = self._row(path)
        return None if row is None else (row.data, row.stat())

    def children(self, path: str) -> list[str] | None:
        if self._row(path) is None:
            return None
        prefix_length = len(path) + (path != "/")
        rows = self._execute("SELECT path FROM node WHERE parent = ?", (path,))
        return sorted(child[prefix_length:] for (child,) in rows)

    def start_session(self) -> int:
        """A new session's id. Every older one is over: its process held the lock that we hold now."""
        owned = self._execute(
            "SELECT path FROM node WHERE ephemeral_owner != 0 ORDER BY length(path) DESC"
        ).fetchall()
        with self._transaction() as transaction:
            for (path,) in owned:
                transaction.apply(Delete(path))
        return transaction.zxid

    def end_session(self, session_id: int) -> list[WatchEvent]:
        owned = self._execute("SELECT path FROM node WHERE ephemeral_owner = ?", (session_id,)).fetchall()
        return self.apply([Delete(path) for (path,) in owned], session_id).events

    def apply(self, operations: Sequence[Operation], session_id: int) -> Applied:
        """All operations in one transaction, durable when this returns; else raises and nothing was done."""
        with self._transaction(session_id) as transaction:
            results: list[OperationResult] = []
            for index, operation in enumerate(operations):
                try:
                    results.append(transaction.apply(operation))
                except TreeError as error:
                    error.index = index
                    raise
        return Applied(results, transaction.events)

    def _transaction(self, session_id: int = 0) -> _Transaction:
        return _Transaction(self, session_id, self._now_ms())

    def _row(self, path: str) -> _Row | None:
        found = self._execute(f"SELECT {_COLUMNS} FROM node WHERE path = ?", (path,)).fetchone()  # noqa: S608
        return None if found is None else _Row._make(found)

    def _execute(self, sql: str, values: Iterable[str | bytes | int] = ()) -> sqlite3.Cursor:
        if self._failed is not None:
            raise TreeUnavailable(self._path, self._failed)
        try:
            return self._connection.execute(sql, tuple(values))
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT}:
                self._failed = (
                    f"the metadata file {self._path} can't be used any more: {error}; see to the disk, "
                    "then restart the broker"
                )
                raise TreeUnavailable(self._path, self._failed) from error
            raise TreeUnavailable(self._path, f"metadata file {self._path}: {error}") from error

    def _prepare(self) -> None:
        try:
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            application_id = self._connection.execute("PRAGMA application_id").fetchone()[0]
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.Error as error:
            raise TreeUnavailable(self._path, self._why_not_open(error)) from error
        if tables == 0 and version == 0:
            self._execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                self._execute(statement)
            self._execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._execute("COMMIT")
            if self._path != IN_MEMORY:
                _sync_directory(os.path.dirname(self._path))  # noqa: PTH120
        elif application_id != _APPLICATION_ID:
            raise TreeUnavailable(
                self._path,
                f"{self._path} is some other program's SQLite file; set ottla.metadata.dir elsewhere",
            )
        elif version != SCHEMA_VERSION:
            raise TreeUnavailable(
                self._path,
                f"{self._path} has schema version {version}, this version of Ottla knows {SCHEMA_VERSION}: "
                "start the Ottla that wrote it, or a newer one",
            )
        # In the exclusive mode the lock is taken by the first write and kept; take it before anyone is answered.
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise TreeUnavailable(self._path, self._why_not_open(error)) from error

    def _why_not_open(self, error: sqlite3.Error) -> str:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return (
                f"the metadata file {self._path} is in use by another process; stop that broker, or give this one "
                "a directory of its own by ottla.metadata.dir"
            )
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_NOTADB:
            return f"{self._path} is not an SQLite file; it was damaged, or ottla.metadata.dir points to the wrong place"
        return f"can't open the metadata file {self._path}: {error}"


class _Transaction:
    """One SQLite transaction, that is one transaction id of the tree."""

    __slots__ = ("_now_ms", "_session_id", "_store", "events", "zxid")

    def __init__(self, store: NodeStore, session_id: int, now_ms: int) -> None:
        self._store = store
        self._session_id = session_id
        self._now_ms = now_ms
        self.events: list[WatchEvent] = []
        self.zxid = 0

    def __enter__(self) -> Self:
        self._store._execute("BEGIN IMMEDIATE")
        self._store._execute("UPDATE tree SET last_zxid = last_zxid + 1")
        (self.zxid,) = self._store._execute("SELECT last_zxid FROM tree").fetchone()
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: object) -> None:
        if kind is None:
            try:
                self._store._execute("COMMIT")
            except TreeUnavailable:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        # After an error SQLite may have rolled back by itself already.
        if self._store._connection.in_transaction:
            self._store._connection.rollback()

    def apply(self, operation: Operation) -> OperationResult:
        if isinstance(operation, Create):
            return self._create(operation)
        if isinstance(operation, SetData):
            return self._set(operation)
        if isinstance(operation, Delete):
            self._delete(operation)
        else:
            self._expect(operation)
        return None

    def _expect(self, operation: Check | SetData | Delete) -> _Row:
        row = self._store._row(operation.path)
        if row is None:
            raise NoNode(operation.path)
        if operation.version not in {ANY_VERSION, row.version}:
            raise BadVersion(
                operation.path,
                f"{operation.path} has version {row.version}, version {operation.version} was expected",
            )
        return row

    def _create(self, operation: Create) -> str:
        check_path(operation.path)
        parent_path = parent_of(operation.path)
        parent = self._store._row(parent_path)
        if parent is None:
            raise NoNode(parent_path)
        path = operation.path
        if operation.sequence:
            path += f"{parent.children_made:010d}"
        if self._store._row(path) is not None:
            raise NodeExists(path)
        if parent.ephemeral_owner:
            raise NoChildrenForEphemerals(path)
        zxid, now_ms = self.zxid, self._now_ms
        owner = self._session_id if operation.ephemeral else 0
        self._store._execute(
            "INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?)",
            (path, parent_path, operation.data, zxid, zxid, zxid, now_ms, now_ms, owner),
        )
        self._store._execute(
            "UPDATE node SET children_made = children_made + 1, children_count = children_count + 1, pzxid = ? "
            "WHERE path = ?",
            (zxid, parent_path),
        )
        self.events.append(WatchEvent(EventKind.CREATED, path))
        self.events.append(WatchEvent(EventKind.CHILD, parent_path))
        return path

    def _set(self, operation: SetData) -> Stat:
        row = self._expect(operation)
        row = row._replace(
            data=operation.data, version=row.version + 1, mzxid=self.zxid, mtime_ms=self._now_ms
        )
        self._store._execute(
            "UPDATE node SET data = ?, version = ?, mzxid = ?, mtime_ms = ? WHERE path = ?",
            (row.data, row.version, row.mzxid, row.mtime_ms, operation.path),
        )
        self.events.append(WatchEvent(EventKind.CHANGED, operation.path))
        return row.stat()

    def _delete(self, operation: Delete) -> None:
        if operation.path == "/":
            raise InvalidPath("/", "the root can't be deleted")
        row = self._expect(operation)
        if row.children_count:
            raise NotEmpty(operation.path)
        parent_path = parent_of(operation.path)
        self._store._execute("DELETE FROM node WHERE path = ?", (operation.path,))
        self._store._execute(
            "UPDATE node SET children_count = children_count - 1, pzxid = ? WHERE path = ?",
            (self.zxid, parent_path),
        )
        self.events.append(WatchEvent(EventKind.DELETED, operation.path))
        self.events.append(WatchEvent(EventKind.CHILD, parent_path))


def _make_directory(directory: str) -> None:
    try:
        # Credentials lie in the tree: others than the broker's own user have no business there.
        os.makedirs(directory, mode=0o700, exist_ok=True)  # noqa: PTH103 - a Path costs more to import than to do without
    except OSError as error:
        raise TreeUnavailable(
            directory, f"can't make the metadata directory {directory}: {error.strerror}"
        ) from error


def _make_private(path: str) -> None:
    """A new file is its owner's alone, also in a directory that others may look into; SQLite's files beside it follow."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise TreeUnavailable(path, f"can't open the metadata file {path}: {error.strerror}") from error


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
