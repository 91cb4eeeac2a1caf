"""A process beside the broker that does jobs for it: a job as a line of JSON in, answers as lines of JSON out.

Work that would hold the interpreter for long (reading logs after a crash, compaction) runs in `python -m ottla.storage.…`, a
process of its own: started anew, never forked, so that no lock, descriptor or event loop of the broker comes along. It ends
when its standard input does, hence also when the broker is killed.

The broker's side (`JobProcess`) is used from a thread of the broker's that waits for the answers.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Fields = Mapping[str, object]

_logger = logging.getLogger(__name__)

NICENESS: Final = 5
"""Helpers step back behind the broker, which answers clients."""

_TERMINATION_TIMEOUT_S: Final = 5.0

_PACKAGE_ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class JobError(Exception):
    """A helper process failed: it raised, or ended before its answer was complete."""


class JobProcess:
    """One running helper. Not for use from two threads, but for `kill`."""

    __slots__ = ("_module", "_process")

    def __init__(self, module: str) -> None:
        self._module = module
        environment = dict(os.environ)
        # The helper must find this very package, also one that was put on sys.path by hand.
        paths = [_PACKAGE_ROOT, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,  # an interrupt typed at the terminal is the broker's to see to
        )

    def request(self, job: Fields) -> Iterator[Fields]:
        """Send a job; its answers until the one with `done`, that one included.

        Raises `JobError`, and `OSError` where the helper met one.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise JobError(f"{self._module} has no pipes")
        try:
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
        except OSError as error:
            raise JobError(f"{self._module} takes no job: {error}") from error
        for line in stdout:
            answer = json.loads(line)
            if answer.get("errno"):
                raise OSError(answer["errno"], str(answer["error"]))
            if "error" in answer:
                raise JobError(str(answer["error"]))
            if "log" in answer:
                _logger.log(answer["level"], "%s", answer["log"])
                continue
            yield answer
            if answer.get("done"):
                return
        raise JobError(f"{self._module} ended with code {self._process.wait()} before its answer")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once, whatever it is doing; it touches no file any more when this returns. From any thread."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Let it end, and reap it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what it was to read is of no use to a dead one
                    continue
        try:
            self._process.wait(_TERMINATION_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _LogToBroker(logging.Handler):
    """What the helper has to tell goes into the broker's log."""

    def emit(self, record: logging.LogRecord) -> None:
        _say({"log": record.getMessage(), "level": record.levelno})


def serve(handle: Callable[[Fields, Callable[[Fields], None]], Fields]) -> None:
    """The helper's side: until standard input ends, answer each line with what `handle` says and returns."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    logging.getLogger("ottla").addHandler(_LogToBroker())
    for line in sys.stdin:
        try:
            answer = handle(json.loads(line), _say)
        except OSError as error:
            _say({"error": f"{error.strerror}: {error.filename}", "errno": error.errno})
        except Exception as error:  # noqa: BLE001 - the broker is told, and decides
            _say({"error": f"{type(error).__name__}: {error}"})
        else:
            _say({**answer, "done": True})


def _say(answer: Fields) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
