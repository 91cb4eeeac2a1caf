"""The metadata's file holds credentials, and is nobody's but the broker's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.tree import TreeUnavailable


def open_and_close(path: Path) -> dict[str, int]:
    """The modes of all files while the tree is open."""

    async def run() -> dict[str, int]:
        tree = EmbeddedTree(str(path), now_ms=lambda: 0)
        await tree.open()
        try:
            return {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
        finally:
            await tree.close()

    return asyncio.run(run())


def test_in_a_directory_that_others_may_look_into(tmp_path: Path) -> None:
    """Each file, the write-ahead log too, is its owner's alone."""
    tmp_path.chmod(0o755)
    modes = open_and_close(tmp_path / "metadata.sqlite")
    assert "metadata.sqlite" in modes
    assert set(modes.values()) == {0o600}
    assert set(open_and_close(tmp_path / "metadata.sqlite").values()) == {0o600}


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    """Is told by its path."""
    (tmp_path / "metadata.sqlite").mkdir()
    with pytest.raises(TreeUnavailable, match=r"metadata\.sqlite"):
        open_and_close(tmp_path / "metadata.sqlite")
