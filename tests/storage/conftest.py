"""What the tests of storage share."""

import pytest

from ottla.storage.disk import MemoryDisk, PosixDisk


@pytest.fixture(params=["memory", "posix"])
def disk_and_path(request, tmp_path):
    return (MemoryDisk(), "/data") if request.param == "memory" else (PosixDisk(), str(tmp_path / "data"))
