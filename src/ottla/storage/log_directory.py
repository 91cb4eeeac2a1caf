"""One of the broker's `log.dirs`: who owns it, what state it is in, and the one thread that may wait for its disk.

Files of the directory itself, all Apache Kafka 3.9's:

    .lock                  held exclusively (fcntl.lockf) while a broker uses the directory
    meta.properties        version=0, broker.id, cluster.id, directory.id: refuses a directory of another broker
    .kafka_cleanshutdown   JSON version, brokerEpoch: there only after a clean stop; without it logs are recovered

A directory is ONLINE, FULL (the disk took no more bytes: writes are refused, reads and deletes go on, and it comes back when
space does) or OFFLINE (any other failure, and every failed fsync: for good, because nobody can tell any more what the disk
holds). See `_TRANSITIONS`.

Sources: Apache's LogManager, MetaProperties, CleanShutdownFileHandler, LogDirFailureChannel.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import Uuid, parse_uuid, random_uuid, uuid_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.storage.disk import Disk, DiskLock

_logger = logging.getLogger(__name__)

LOCK_FILE: Final = ".lock"
META_PROPERTIES_FILE: Final = "meta.properties"
CLEAN_SHUTDOWN_FILE: Final = ".kafka_cleanshutdown"

SLOW_WRITE_MS: Final = 5.0
"""A buffered write that takes longer means the kernel is throttling this disk's writers."""

CERTAINLY_SLOW_WRITE_MS: Final = 50.0
"""No thread that is ready to run is kept waiting so long for a processor, as a rule."""

WATCHED_WRITES: Final = 256
"""Writes on the loop that are watched after a late one; watching costs a microsecond each."""

CALM_WRITES: Final = 32
"""So many writes in a row below `SLOW_WRITE_MS` end the slow time."""

TASK_QUEUE_CAPACITY: Final = 8_192
"""Tasks waiting for a directory's thread; beyond it `submit` refuses and the caller answers KAFKA_STORAGE_ERROR."""

RECOVERY_USABLE_BYTES: Final = 64 * 1024 * 1024
"""Room a full disk must have again before it is written to: fewer bytes would only fill once more at once."""

SPACE_PROBE_INTERVAL_MS: Final = 1_000
"""A full disk is asked for its free space at most this often."""


class DirectoryState(Enum):
    """Whether a log directory can be used."""

    ONLINE = "online"
    FULL = "full"
    """The last write found no room. Reads and deletes go on; `probe_space` brings it back."""
    OFFLINE = "offline"
    """Failed; only a restart of the broker tries it again."""


_TRANSITIONS: Final = {
    DirectoryState.ONLINE: {DirectoryState.FULL, DirectoryState.OFFLINE},
    DirectoryState.FULL: {DirectoryState.ONLINE, DirectoryState.OFFLINE},
    DirectoryState.OFFLINE: set[DirectoryState](),
}

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})
"""What passes by itself: a full disk, and too many open files, of which the disk knows nothing."""


class DirectoryError(Exception):
    """A log directory cannot be used as it is: the message names it, what was found and what to do."""


class DirectoryIdentity(NamedTuple):
    """What `meta.properties` says."""

    broker_id: int
    cluster_id: str | None
    """None in directories written before Kafka 0.10.1."""
    directory_id: Uuid | None
    """None until a 3.7 or later broker has used the directory."""


class LogDirectory:
    """One log directory.

    Built without touching the disk; `acquire` locks it. Safe to use from the loop and from its own thread.
    """

    __slots__ = (
        "_calm_writes",
        "_closing",
        "_disk",
        "_identity",
        "_last_probe_ms",
        "_lock",
        "_on_state_change",
        "_tasks",
        "_thread",
        "_wake",
        "error",
        "is_slow",
        "path",
        "state",
        "watched_writes",
    )

    def __init__(
        self,
        path: str,
        disk: Disk,
        on_state_change: Callable[[LogDirectory], None] | None = None,
    ) -> None:
        self.path = os.path.abspath(path)
        self.state = DirectoryState.ONLINE
        self.error: OSError | None = None
        """Why the directory is not online."""
        self.is_slow = False
        """While set, writes go through `submit` so that the loop never waits for this disk."""
        self._disk = disk
        self._on_state_change = on_state_change
        self._lock: DiskLock | None = None
        self._identity: DirectoryIdentity | None = None
        self.watched_writes = 0
        """So many of the next writes on the loop are to be watched for whether they wait."""
        self._calm_writes = 0
        self._last_probe_ms = 0
        self._tasks: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def __repr__(self) -> str:
        return f"LogDirectory({self.path!r}, {self.state.value})"

    # -- ownership

    def acquire(self) -> None:
        """Make the directory if missing and take its lock.

        Raises `DirectoryError` when another process has it, `OSError` when it cannot be made or opened.
        """
        self._make()
        try:
            self._lock = self._disk.lock(self._file(LOCK_FILE))
        except BlockingIOError as error:
            raise DirectoryError(
                f"log directory {self.path} is in use: another process holds {LOCK_FILE}. "
                "Stop that broker, or give this one another log.dirs."
            ) from error

    def _make(self) -> None:
        """Make the directory with its missing parents, durably."""
        missing = []
        path = self.path
        while not self._disk.exists(path):
            missing.append(path)
            path = os.path.dirname(path)
        self._disk.mkdir(self.path)
        for made in missing:
            self._disk.fsync_directory(os.path.dirname(made))

    def read_identity(self) -> DirectoryIdentity | None:
        """What `meta.properties` says; None for a new directory. Raises `DirectoryError` if it makes no sense."""
        path = self._file(META_PROPERTIES_FILE)
        try:
            text = self._disk.read_file(path).decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        return _parse_identity(path, text)

    def claim(self, broker_id: int, cluster_id: str, random_bytes: bytes) -> Uuid:
        """Check that the directory is this broker's, or make it so; the directory's id.

        `random_bytes` (16) become the id of a directory that has none. Raises `DirectoryError` for a directory of another
        broker or cluster.
        """
        found = self.read_identity()
        if found is not None:
            self._check_identity(found, broker_id, cluster_id)
        directory_id = found.directory_id if found is not None else None
        identity = DirectoryIdentity(broker_id, cluster_id, directory_id or random_uuid(random_bytes))
        if identity != found:
            self._disk.replace_file(self._file(META_PROPERTIES_FILE), _format_identity(identity).encode())
        self._identity = identity
        return self.directory_id

    @property
    def directory_id(self) -> Uuid:
        """The id that `claim` found or gave."""
        if self._identity is None or self._identity.directory_id is None:
            raise RuntimeError(f"{self.path} has not been claimed")
        return self._identity.directory_id

    def _check_identity(self, found: DirectoryIdentity, broker_id: int, cluster_id: str) -> None:
        path = self._file(META_PROPERTIES_FILE)
        if found.broker_id != broker_id:
            raise DirectoryError(
                f"{path} says broker.id={found.broker_id}, the configured broker.id is {broker_id}: "
                "the directory belongs to another broker. Set that broker.id, or give another log.dirs."
            )
        if found.cluster_id not in (None, cluster_id):
            raise DirectoryError(
                f"{path} says cluster.id={found.cluster_id}, this cluster's id is {cluster_id}: "
                "the directory belongs to another cluster. Give the metadata of that cluster, or another log.dirs."
            )

    # -- clean shutdown

    def take_clean_shutdown_mark(self) -> bool:
        """Whether the last stop was clean; the mark is gone, durably, when this returns.

        A mark that came back after a crash would make the next start trust torn logs.
        """
        if not self._disk.unlink_if_exists(self._file(CLEAN_SHUTDOWN_FILE)):
            return False
        self._disk.fsync_directory(self.path)
        return True

    def write_clean_shutdown_mark(self, broker_epoch: int) -> None:
        """Say that every log of the directory is flushed and closed."""
        content = json.dumps({"version": 0, "brokerEpoch": broker_epoch}, separators=(",", ":"))
        self._disk.replace_file(self._file(CLEAN_SHUTDOWN_FILE), content.encode())

    # -- state

    @property
    def is_online(self) -> bool:
        """Whether the directory can be written."""
        return self.state is DirectoryState.ONLINE

    def ensure_writable(self) -> None:
        """Raises `KafkaError` KAFKA_STORAGE_ERROR unless ONLINE."""
        if self.state is not DirectoryState.ONLINE:
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"Log directory {self.path} is {self.state.value}: {self.error}",
            )

    def ensure_readable(self) -> None:
        """Raises `KafkaError` KAFKA_STORAGE_ERROR when OFFLINE."""
        if self.state is DirectoryState.OFFLINE:
            self.ensure_writable()

    def mark_offline(self, error: OSError, *, fsync_failed: bool = False) -> None:
        """Take note of a failed operation: FULL where it only lacked room, OFFLINE otherwise.

        `fsync_failed` makes it OFFLINE whatever the errno: pages of a failed fsync may be gone though a second
        one would succeed, also when the reason was a full disk (delayed allocation).
        """
        full = error.errno in _NO_SPACE and not fsync_failed
        self._move_to(DirectoryState.FULL if full else DirectoryState.OFFLINE, error)

    def probe_space(self, now_ms: int) -> None:
        """Bring a FULL directory back ONLINE if there is room again; looks at most once a second."""
        if self.state is not DirectoryState.FULL or now_ms - self._last_probe_ms < SPACE_PROBE_INTERVAL_MS:
            return
        self._last_probe_ms = now_ms
        try:
            usable = self._disk.space(self.path).usable_bytes
        except OSError as error:
            self._move_to(DirectoryState.OFFLINE, error)
            return
        if usable >= RECOVERY_USABLE_BYTES:
            self._move_to(DirectoryState.ONLINE, None)

    def _move_to(self, state: DirectoryState, error: OSError | None) -> None:
        with self._wake:
            if state not in _TRANSITIONS[self.state]:
                return
            self.state = state
            self.error = error
        match state:
            case DirectoryState.ONLINE:
                _logger.warning("log directory %s has room again: its partitions take writes", self.path)
            case DirectoryState.FULL:
                _logger.error(
                    "log directory %s takes no more (%s): writes to its partitions answer "
                    "KAFKA_STORAGE_ERROR until %d MB are free",
                    self.path,
                    error,
                    RECOVERY_USABLE_BYTES >> 20,
                )
            case DirectoryState.OFFLINE:
                _logger.error(
                    "log directory %s is offline (%s): its partitions answer KAFKA_STORAGE_ERROR; "
                    "mend the disk and restart the broker",
                    self.path,
                    error,
                )
        if self._on_state_change is not None:
            self._on_state_change(self)

    # -- the directory's thread

    def note_late_write(self, duration_ms: float, *, waited: bool) -> None:
        """Hear of a write on the loop that took longer than `SLOW_WRITE_MS`.

        On a busy machine the loop's thread may simply not have run for as long. So unless the write is known to have
        `waited`, or was longer than any scheduler's turn, the next ones are watched (`watched_writes`) before the
        directory counts as slow.
        """
        if waited or duration_ms > CERTAINLY_SLOW_WRITE_MS:
            self.observe_write(duration_ms)
        else:
            self.watched_writes = WATCHED_WRITES

    def observe_write(self, duration_ms: float) -> None:
        """Hear how long a buffered write took, wherever it ran; decides `is_slow`."""
        if duration_ms > SLOW_WRITE_MS:
            self.is_slow = True
            self._calm_writes = 0
        elif self.is_slow:
            self._calm_writes += 1
            if self._calm_writes >= CALM_WRITES:
                self.is_slow = False

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task` on the directory's thread, after all tasks given before.

        Never waits. Raises `KafkaError` KAFKA_STORAGE_ERROR when `TASK_QUEUE_CAPACITY` tasks wait already. A task sees
        to its own errors; what escapes is logged.
        """
        with self._wake:
            if self._closing or len(self._tasks) >= TASK_QUEUE_CAPACITY:
                reason = "is closing" if self._closing else f"has {TASK_QUEUE_CAPACITY} tasks waiting"
                raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"Log directory {self.path} {reason}")
            self._put(task)

    def _put(self, task: Callable[[], None]) -> None:
        """Queue a task; with the lock held."""
        self._tasks.append(task)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"ottla-disk-{os.path.basename(self.path)}", daemon=True
            )
            self._thread.start()
        self._wake.notify()

    def drain(self, timeout_s: float) -> bool:
        """Wait until every task given so far has run; False when the time was not enough."""
        done = threading.Event()
        with self._wake:
            if self._thread is None:
                return True
            self._put(done.set)  # one beyond the bound does no harm
        return done.wait(timeout_s)

    def close(self) -> None:
        """Finish the waiting tasks, end the thread, give up the lock."""
        with self._wake:
            self._closing = True
            self._wake.notify()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._tasks:
                    if self._closing:
                        return
                    self._wake.wait()
                task = self._tasks.popleft()
            try:
                task()
            except Exception:
                _logger.exception("a task of log directory %s failed", self.path)
            del task

    def _file(self, name: str) -> str:
        return f"{self.path}/{name}"


def _parse_identity(path: str, text: str) -> DirectoryIdentity:
    fields = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith(("#", "!")):
            fields[name.strip()] = value.strip().replace("\\", "")
    version = fields.get("version")
    if version == "1":
        raise DirectoryError(
            f"{path} has version=1: the directory was formatted for Apache Kafka in KRaft mode, "
            "whose metadata lies in its own log. Give another log.dirs."
        )
    if version != "0":
        raise DirectoryError(f"{path} has version={version}, 0 is expected: the file is damaged or too new.")
    broker_id = fields.get("broker.id", "-1")
    if not broker_id.lstrip("-").isdigit():
        raise DirectoryError(f"{path} has broker.id={broker_id}, a number is expected: the file is damaged.")
    directory_id = None
    if "directory.id" in fields:
        try:
            directory_id = parse_uuid(fields["directory.id"])
        except ValueError as error:
            raise DirectoryError(f"{path} has a damaged directory.id: {error}") from error
    return DirectoryIdentity(int(broker_id), fields.get("cluster.id"), directory_id)


def _format_identity(identity: DirectoryIdentity) -> str:
    lines = ["version=0", f"broker.id={identity.broker_id}"]
    if identity.cluster_id is not None:
        lines.append(f"cluster.id={identity.cluster_id}")
    if identity.directory_id is not None:
        lines.append(f"directory.id={uuid_text(identity.directory_id)}")
    return "\n".join(["#", *lines, ""])
