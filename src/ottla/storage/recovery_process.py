"""`python -m ottla.storage.recovery_process`: recovers logs, one job a line (see `ottla.storage.helper_process`).

In: the fields of a `RecoveryJob`. Out: `{"progress": bytes read}` any number of times, then the fields of a `RecoveryResult`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.storage.disk import PosixDisk
from ottla.storage.helper_process import serve
from ottla.storage.recovery import RecoveryJob, recover_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.storage.helper_process import Fields


def _recover(job: Fields, say: Callable[[Fields], None]) -> Fields:
    return recover_log(
        PosixDisk(), RecoveryJob.from_json(job), lambda count: say({"progress": count})
    ).to_json()


if __name__ == "__main__":
    serve(_recover)
