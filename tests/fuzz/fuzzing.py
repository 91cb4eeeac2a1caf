"""What the fuzzers share: bytes near to valid ones, and how long to go on.

`make test` runs each target for some hundred examples, `make fuzz` for a share of `FUZZ_SECONDS`: half of it with new examples of
hypothesis, half guided by coverage, where atheris is installed (`pip install --group fuzz`). What fails is shrunk and printed by
hypothesis, or printed by atheris as the bytes that did it, and belongs into the tests of its room as an example.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ_SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "0"))
"""For all targets together; 0: one round of each."""
TARGETS: Final = 24
"""About as many share the time."""
EXAMPLES: Final = 300
"""Of a round."""
GUIDED: Final = FUZZ_SECONDS > 0 and importlib.util.find_spec("atheris") is not None
MAX_INPUT_BYTES: Final = 4_096
"""Of an input that coverage leads to."""
MEMORY_MAX_MIB: Final = 2_048
"""What takes more for an input of that size has believed a length."""

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


def fuzz(
    target: Target, seeds: Sequence[bytes], words: Sequence[bytes] = (), *, is_guided: bool = True
) -> None:
    """Call the target with bytes near the seeds, which may hold some of the words: a round, and further ones while there is time.

    Whatever it raises is a failure. `is_guided`: whether coverage may lead to further inputs; not where another process does the work.
    """

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(near(seeds, words))
    def round_of(content: bytes) -> None:
        target(content)

    share_s = FUZZ_SECONDS / TARGETS
    guided_s = share_s / 2 if GUIDED and is_guided else 0
    until_s = time.monotonic() + share_s - guided_s
    round_of()
    while time.monotonic() < until_s:
        round_of()
    if guided_s:
        fuzz_by_coverage(target, seeds, guided_s)


def fuzz_by_coverage(target: Target, seeds: Sequence[bytes], seconds: float) -> None:
    """The same with inputs that lead into parts of the code that none before has reached.

    In a child, for libFuzzer ends the process that it ran in; it is forked before a thread is begun that it would lack.
    """
    with tempfile.TemporaryDirectory() as directory:
        corpus = Path(directory)
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
        child = os.fork()
        if child == 0:
            _guided(target, corpus, seconds)
        _, status = os.waitpid(child, 0)
    assert status == 0, "an input broke the target: it stands above, in base64 too"


def _guided(target: Target, corpus: Path, seconds: float) -> None:
    import atheris

    try:
        faulthandler.disable()
        atheris.instrument_func(target)
        for function in [each for each in gc.get_objects() if isinstance(each, FunctionType)]:
            # Ours alone: the whole of Python takes half a minute, and is not what is looked for.
            if str(function.__module__).partition(".")[0] == "ottla":
                atheris.instrument_func(function)
        options = [
            f"-max_total_time={max(1, round(seconds))}",
            f"-max_len={MAX_INPUT_BYTES}",
            f"-rss_limit_mb={MEMORY_MAX_MIB}",
            "-timeout=10",
            f"-artifact_prefix={corpus}/",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], target)
        atheris.Fuzz()
    finally:
        os._exit(1)
