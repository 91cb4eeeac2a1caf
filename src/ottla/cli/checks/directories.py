"""Log directories: there, writable, with room, held by no other broker, and of a format that is served."""

import fcntl
import os
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ottla.cli.checks.findings import Finding, fault, fine, warning
from ottla.cli.logs.checkpoints import read_properties
from ottla.cli.logs.entries import PropertyEntry
from ottla.cli.output import size_text

MIN_FREE_BYTES = 100 * 1024 * 1024
LOW_FREE_SHARE = 0.05
REMOTE_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"})
VOLATILE_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs"})


def check_directory(path: Path, node_id: int | None = None) -> Iterator[Finding]:
    """Everything about one log directory. `node_id` is the broker's that is to use it, None if any."""
    subject = f"disk {path}"
    if not path.exists():
        yield _check_parent(path, subject)
        return
    if not path.is_dir():
        yield fault(subject, "it is a file, not a directory", "set log.dirs to a directory")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield fault(
            subject,
            f"not writable; it belongs to {_owner(path)}",
            f"chown -R {_me()} {path}, or run as its owner",
        )
        return
    yield from _check_space(path, subject)
    yield from _check_file_system(path, subject)
    yield from _check_lock(path, subject)
    yield from _check_strangers(path, subject)
    yield from _check_identity(path, subject, node_id)


def _check_parent(path: Path, subject: str) -> Finding:
    parent = next(one for one in path.absolute().parents if one.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return fine(subject, "not there yet; the broker will make it")
    return fault(
        subject,
        f"not there, and {parent} is not writable; it belongs to {_owner(parent)}",
        f"mkdir -p {path} && chown {_me()} {path}",
    )


def _check_space(path: Path, subject: str) -> Iterator[Finding]:
    usage = shutil.disk_usage(path)
    room = f"{size_text(usage.free)} of {size_text(usage.total)} free"
    if usage.free < MIN_FREE_BYTES:
        yield fault(subject, f"full: {room}", "free space, or shorten retention.ms or retention.bytes")
    elif usage.free < usage.total * LOW_FREE_SHARE:
        yield warning(
            subject, f"nearly full: {room}", "free space, or shorten retention.ms or retention.bytes"
        )
    else:
        yield fine(subject, room)


def _check_file_system(path: Path, subject: str) -> Iterator[Finding]:
    kind = file_system(path)
    if kind in REMOTE_FILE_SYSTEMS:
        yield warning(
            subject, f"on {kind}, whose locks and fsync are not to be relied on", "use a local disk"
        )
    if kind in VOLATILE_FILE_SYSTEMS:
        yield warning(
            subject, f"on {kind}: everything is lost with the machine", "use a disk for what is to last"
        )


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system a path lies on; empty where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best = ("", "")
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        if path.resolve().is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _check_lock(path: Path, subject: str) -> Iterator[Finding]:
    lock = path / ".lock"
    if not lock.exists():
        return
    try:
        with lock.open("r+b") as file:
            holder = lock_holder(file)
    except OSError as error:
        yield fault(subject, f"its .lock cannot be opened: {error.strerror}", f"chown {_me()} {lock}")
        return
    if holder is not None:
        yield warning(
            subject, f"in use by process {holder}", "that broker has to stop before another can use it"
        )


def lock_holder(file: BinaryIO) -> int | None:
    """The process that holds a lock on the file, None if none does.

    Asking (F_GETLK) takes no lock, so that a broker that starts just now is not disturbed.
    """
    if sys.platform == "darwin":
        # start, length, process, type, whence
        request = struct.pack("qqihh", 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
        _, _, holder, kind, _ = struct.unpack("qqihh", fcntl.fcntl(file, fcntl.F_GETLK, request))
    else:
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, holder = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, request))
    return None if kind == fcntl.F_UNLCK else int(holder)


def _check_strangers(path: Path, subject: str) -> Iterator[Finding]:
    unwritable = [one.name for one in path.iterdir() if not os.access(one, os.R_OK | os.W_OK)]
    if unwritable:
        yield fault(
            subject,
            f"{len(unwritable)} of its files are not writable, e.g. {min(unwritable)}",
            f"chown -R {_me()} {path}: another user's broker has run here",
        )


def _check_identity(path: Path, subject: str, node_id: int | None) -> Iterator[Finding]:
    properties = path / "meta.properties"
    if not properties.exists():
        if any(path.glob("*-[0-9]*/*.log")):
            yield warning(
                subject, "logs without meta.properties", "see that this is the directory that is meant"
            )
        return
    found = {one.name: one.value for one in read_properties(properties) if isinstance(one, PropertyEntry)}
    version, broker = found.get("version", "?"), found.get("broker.id", found.get("node.id", "?"))
    if (path / "__cluster_metadata-0").exists():
        yield fault(
            subject,
            "of an Apache Kafka broker in KRaft mode, whose topics lie in __cluster_metadata",
            "copy its topics over the network: this directory cannot be taken over",
        )
    elif version != "0":
        yield warning(
            subject, f"meta.properties has version {version}", "0 is what brokers with ZooKeeper's tree write"
        )
    if node_id is not None and broker != str(node_id):
        yield fault(
            subject,
            f"it belongs to broker {broker}, the settings are for broker {node_id}",
            f"set broker.id={broker}, or choose another directory",
        )
    else:
        yield fine(subject, f"broker {broker} of cluster {found.get('cluster.id', '?')}")


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return f"user {path.stat().st_uid}"


def _me() -> str:
    return str(os.geteuid())
