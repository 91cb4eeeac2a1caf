"""`python -m ottla.storage.cleaner_process`: compacts logs, one job a line (see `ottla.storage.job_process`).

In: the fields of a `CleaningJob`. Out: for each group of segments the fields of a `CleanedGroup`, whose files then wait under
`.cleaned`; at the end `{"end_offset": …}`, the first offset that is still dirty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.storage.cleaning import CleaningJob, CleaningRound
from ottla.storage.disk import PosixDisk
from ottla.storage.job_process import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.storage.job_process import Fields


def _clean(job: Fields, say: Callable[[Fields], None]) -> Fields:
    cleaning = CleaningRound(PosixDisk(), CleaningJob.from_json(job))
    cleaning.map_keys()
    for group in cleaning.clean():
        say(group._asdict())
    return {"end_offset": cleaning.end_offset}


if __name__ == "__main__":
    serve(_clean)
