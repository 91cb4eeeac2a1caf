"""Keeping processes running: start them, pass on what they print, start again what dies, stop all in order.

    starting ──prints its ready line──▶ running
    starting, running ──exits──▶ waiting ──pause over──▶ starting
    any ──stop asked──▶ stopping ──exits, or is killed after `STOP_TIMEOUT_S` or a second asking──▶ stopped

A service that dies `MAX_FAST_DEATHS` times in a row without having become ready is given up: its settings are wrong, or
its port is taken, and no further try would help.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from types import FrameType
from typing import IO

STOP_TIMEOUT_S = 35.0
"""Above the broker's own limit for an orderly stop (30 s)."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
MAX_FAST_DEATHS = 3
POLL_S = 0.2


class State(Enum):
    """Where a supervised process is."""

    STARTING = auto()
    RUNNING = auto()
    WAITING = auto()
    STOPPED = auto()


@dataclass(slots=True)
class Supervised:
    """One process that is kept running."""

    name: str
    command: Sequence[str]
    ready: str
    state: State = State.STOPPED
    process: "subprocess.Popen[bytes] | None" = None
    fast_deaths: int = 0
    pause_s: float = FIRST_PAUSE_S
    start_at_s: float = 0.0
    pending: bytes = field(default=b"")


class Supervisor:
    """Runs processes until it is told to stop. `on_ready` is called each time one has become ready."""

    def __init__(
        self,
        supervised: Sequence[Supervised],
        on_line: Callable[[str, str], None],
        on_ready: Callable[[str], None],
    ) -> None:
        self._supervised = supervised
        self._on_line = on_line
        self._on_ready = on_ready
        self._selector = selectors.DefaultSelector()
        self._times_asked_to_stop = 0

    def run(self) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP; answer 0, or 1 if a service had to be given up."""
        before = {
            number: signal.signal(number, self._ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            for one in self._supervised:
                self._start(one)
            exit_code = self._watch()
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)
        return exit_code

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._times_asked_to_stop += 1

    def _watch(self) -> int:
        while not self._times_asked_to_stop:
            self._pass_on(POLL_S)
            for one in self._supervised:
                if not self._look_after(one):
                    return 1
        return 0

    def _look_after(self, one: Supervised) -> bool:
        if one.state is State.WAITING:
            if time.monotonic() >= one.start_at_s:
                self._start(one)
            return True
        if one.process is None or one.process.poll() is None:
            return True
        return self._has_died(one, one.process.returncode)

    def _has_died(self, one: Supervised, exit_code: int) -> bool:
        self._pass_on(0)
        self._close(one)
        was_ready = one.state is State.RUNNING
        one.fast_deaths = 0 if was_ready else one.fast_deaths + 1
        if one.fast_deaths >= MAX_FAST_DEATHS or (exit_code > 0 and not was_ready):
            self._on_line("up", f"{one.name} does not start (exit code {exit_code}); giving up")
            one.state = State.STOPPED
            return False
        one.pause_s = FIRST_PAUSE_S if was_ready else min(one.pause_s * 2, LONGEST_PAUSE_S)
        one.start_at_s = time.monotonic() + one.pause_s
        one.state = State.WAITING
        self._on_line(
            "up", f"{one.name} ended ({how_it_ended(exit_code)}); starting it again in {one.pause_s:g} s"
        )
        return True

    def _start(self, one: Supervised) -> None:
        # A group of its own: Ctrl-C at the terminal reaches this process, which then stops the services in order.
        one.process = subprocess.Popen(  # noqa: S603 - a command line of ours, from `services`
            one.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        one.state = State.STARTING
        stream = one.process.stdout
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, one)

    def _pass_on(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            one: Supervised = key.data
            stream = key.fileobj
            piece = os.read(stream.fileno(), 65536) if not isinstance(stream, int) else b""
            if not piece:
                self._selector.unregister(stream)
                continue
            *lines, one.pending = (one.pending + piece).split(b"\n")
            for line in lines:
                self._one_line(one, line.decode("utf-8", "replace"))

    def _one_line(self, one: Supervised, line: str) -> None:
        self._on_line(one.name, line)
        if one.state is State.STARTING and one.ready in line and "started" in line:
            one.state = State.RUNNING
            one.pause_s = FIRST_PAUSE_S
            self._on_ready(one.name)

    def _stop_all(self) -> None:
        living = [one for one in self._supervised if one.process is not None and one.process.poll() is None]
        for one in living:
            _signal(one.process, signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while any(one.process is not None and one.process.poll() is None for one in living):
            if time.monotonic() > deadline_s or self._times_asked_to_stop > 1:
                for one in living:
                    _signal(one.process, signal.SIGKILL)
            self._pass_on(POLL_S)
        self._pass_on(0)
        for one in self._supervised:
            self._close(one)
        self._selector.close()

    def _close(self, one: Supervised) -> None:
        stream: IO[bytes] | None = one.process.stdout if one.process is not None else None
        if stream is not None and not stream.closed:
            if stream in {key.fileobj for key in self._selector.get_map().values()}:
                self._selector.unregister(stream)
            stream.close()
        if one.pending:
            self._one_line(one, one.pending.decode("utf-8", "replace"))
            one.pending = b""


def _signal(process: "subprocess.Popen[bytes] | None", number: signal.Signals) -> None:
    if process is not None and process.poll() is None:
        process.send_signal(number)


def how_it_ended(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"


def print_line(name: str, line: str) -> None:
    """A line of a service, with its name in front. Nobody reading any more is no reason to stop the services."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{name:>8} | {line}\n")
        sys.stdout.flush()
