"""Each transcript of tests/groups/transcripts is a story of one rule of the group coordinator; see group_transcript.py."""

from pathlib import Path

import pytest
from group_transcript import replay, transcripts


@pytest.mark.parametrize("path", transcripts(), ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    """The commands bring the very answers that the transcript tells."""
    text = path.read_text()
    assert replay(text) == text
