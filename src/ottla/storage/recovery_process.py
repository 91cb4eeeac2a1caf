"""`python -m ottla.storage.recovery_process`: recovers logs (see `ottla.storage.job_process`).

In: `{"jobs": [fields of a RecoveryJob, …]}`. Out: `{"progress": bytes read}` any number of times, and for each log when it is
done the fields of its `RecoveryResult` with its `directory`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.storage.disk import PosixDisk
from ottla.storage.job_process import serve
from ottla.storage.recovery import RecoveryJob, recover_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.storage.job_process import Fields


PROGRESS_BYTES: Final = 16 * 1024 * 1024
"""Bytes read between two words on progress."""


def _recover(job: Fields, say: Callable[[Fields], None]) -> Fields:
    unsaid = 0

    def on_progress(count: int) -> None:
        nonlocal unsaid
        unsaid += count
        if unsaid >= PROGRESS_BYTES:
            say({"progress": unsaid})
            unsaid = 0

    jobs = job["jobs"]
    if not isinstance(jobs, list):
        raise TypeError(f"a list of jobs expected, found {jobs!r}")
    for fields in jobs:
        each = RecoveryJob.from_json(fields)
        result = recover_log(PosixDisk(), each, on_progress)
        say({"directory": each.directory, **result.to_json()})
    return {"progress": unsaid}


if __name__ == "__main__":
    serve(_recover)
