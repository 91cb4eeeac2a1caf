"""What the fuzzers share: bytes near to valid ones, and how long to go on.

`make test` runs each target for some hundred examples, `make fuzz` for a share of `FUZZ_SECONDS`, with new examples each time.
What fails is shrunk and printed by hypothesis, and belongs into the tests of its room as an example.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ_SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "0"))
"""For all targets together; 0: one round of each."""
TARGETS: Final = 20
"""About as many share the time."""
EXAMPLES: Final = 300
"""Of a round."""

Target = Callable[[bytes], object]

_EXTREMES: Final = (
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff" * 5,
    b"\x80" * 6,
    b"\0",
    b"\n",
    b"\x1b[2J",
    b"\xc3\x28",
    b"9" * 400,
    b"[" * 2_000,
    b'{"a":' * 2_000,
    b"1e999",
)
"""Lengths, varints, ends of lines, broken UTF-8, numbers and nesting that some parser has died of."""

_pieces = st.binary(max_size=8) | st.sampled_from(_EXTREMES)


@st.composite
def near(draw: st.DrawFn, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One of the seeds, overwritten, cut, lengthened and repeated at a few places; or any bytes at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    content = bytearray(draw(st.sampled_from(list(seeds))))
    pieces = _pieces | st.sampled_from(list(words)) if words else _pieces
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        match draw(st.integers(0, 4)):
            case 0:
                piece = draw(pieces)
                content[at : at + len(piece)] = piece
            case 1:
                content[at:at] = draw(pieces)
            case 2:
                del content[at : at + draw(st.integers(1, 16))]
            case 3:
                content += content[at : at + 64]
            case 4:
                del content[at:]
    return bytes(content)


def fuzz(target: Target, inputs: st.SearchStrategy[bytes]) -> None:
    """Call the target with inputs: a round, and further ones while there is time. Whatever it raises is a failure."""

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(inputs)
    def round_of(content: bytes) -> None:
        target(content)

    until_s = time.monotonic() + FUZZ_SECONDS / TARGETS
    round_of()
    while time.monotonic() < until_s:
        round_of()
