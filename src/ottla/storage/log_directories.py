"""The log directories of one broker together: locked, owned by it, usable or lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ottla.storage.log_directory import DirectoryError, DirectoryState, LogDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ottla.storage.disk import Disk


class LogDirectories:
    """All of `log.dirs`."""

    __slots__ = ("_directories", "some_lost")

    def __init__(
        self, paths: Sequence[str], disk: Disk, on_state_change: Callable[[LogDirectory], None]
    ) -> None:
        self._directories = tuple(LogDirectory(path, disk, on_state_change) for path in paths)
        self.some_lost = False
        """Whether one failed before its logs were known: a log that is missing may lie in there."""

    def __iter__(self) -> Iterator[LogDirectory]:
        return iter(self._directories)

    def __len__(self) -> int:
        return len(self._directories)

    def __getitem__(self, place: int) -> LogDirectory:
        return self._directories[place]

    def usable(self) -> list[LogDirectory]:
        """Those that are not OFFLINE."""
        return [each for each in self._directories if each.state is not DirectoryState.OFFLINE]

    def lose(self, directory: LogDirectory, error: OSError) -> None:
        """A directory failed before its logs were known."""
        self.some_lost = True
        directory.mark_offline(error)

    def on_threads(self, directories: Iterable[LogDirectory], action: Callable[[LogDirectory], None]) -> None:
        """Do something with each directory, all at once, and wait for it; one whose disk fails goes offline."""

        def run(directory: LogDirectory) -> None:
            try:
                action(directory)
            except OSError as error:
                self.lose(directory, error)

        threads = [threading.Thread(target=run, args=(directory,)) for directory in directories]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def acquire(self) -> None:
        """Lock every directory and read who it belongs to; see `LogStore.acquire`."""
        try:
            for directory in self._directories:
                try:
                    directory.acquire()
                    directory.read_identity()
                except OSError as error:
                    self.lose(directory, error)
            self.ensure_any_usable()
            self._check_owners()
        except DirectoryError:
            for directory in self._directories:
                directory.close()
            raise

    def _check_owners(self) -> None:
        owners = {
            directory.path: identity
            for directory in self.usable()
            if (identity := directory.read_identity()) is not None
        }
        for attribute in ("broker_id", "cluster_id"):
            values = {getattr(identity, attribute) for identity in owners.values()}
            if len(values - {None}) > 1:
                raise DirectoryError(
                    f"the log directories belong to different owners: their {attribute}s are "
                    + ", ".join(f"{path}: {getattr(owner, attribute)}" for path, owner in owners.items())
                )

    def ensure_any_usable(self) -> None:
        """Raises `DirectoryError` when all are OFFLINE."""
        if not self.usable():
            raise DirectoryError(
                "no log directory can be used: "
                + "; ".join(f"{directory.path}: {directory.error}" for directory in self._directories)
            )

    @property
    def broker_id(self) -> int | None:
        """What `meta.properties` says; None in new directories."""
        identities = (directory.read_identity() for directory in self.usable())
        return next((identity.broker_id for identity in identities if identity is not None), None)

    @property
    def cluster_id(self) -> str | None:
        """What `meta.properties` says; None in new directories."""
        identities = (directory.read_identity() for directory in self.usable())
        return next((identity.cluster_id for identity in identities if identity is not None), None)

    def claim(self, broker_id: int, cluster_id: str, random_bytes: Callable[[int], bytes]) -> None:
        """Write `meta.properties` where it is missing; see `LogStore.claim`."""
        for directory in self.usable():
            try:
                directory.claim(broker_id, cluster_id, random_bytes(16))
            except OSError as error:
                self.lose(directory, error)
        self.ensure_any_usable()
