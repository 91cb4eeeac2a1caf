"""Log levels as settings of the resource BROKER_LOGGER (KIP-412), over Python's `logging`.

A level holds for the process and until it ends, as at Apache: it is not stored. The levels are Log4j's; FATAL is Python's
CRITICAL, TRACE logs all.
"""

import logging
from typing import Final

from ottla.protocol.errors import ErrorCode, KafkaError

ROOT: Final = "root"
OURS: Final = "ottla"
AUDIT: Final = "kafka.authorizer.logger"
"""Who was refused what; there once an authorizer is."""

LEVELS: Final = {
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": 1,
}
"""The highest first."""

_OFF: Final = "OFF"
"""What a logger shows that somebody has silenced from within; it can't be set (KIP-412)."""


def levels_by_logger() -> dict[str, str]:
    """The level in force of the root logger and of each of this package's, by name."""
    known = [
        name for name in logging.Logger.manager.loggerDict if name.split(".")[0] == OURS or name == AUDIT
    ]
    return {ROOT: _name(logging.getLogger())} | {
        name: _name(logging.getLogger(name)) for name in sorted({OURS, *known})
    }


def check_level(name: str, level: str | None) -> None:
    """Raise `KafkaError` INVALID_CONFIG unless `level` can be set on the logger `name`."""
    if level is not None and level not in LEVELS:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Cannot set the log level of {name} to {level} as it is not a supported log level. "
            f"Valid log levels are {', '.join(sorted(LEVELS))}",
        )
    if name != ROOT and name not in levels_by_logger():
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Logger {name} does not exist!")
    if level is None and name == ROOT:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, "Removing the log level of the root logger is not allowed"
        )


def set_level(name: str, level: str | None) -> None:
    """Set a checked level; None lets the logger take its parent's again."""
    logger = logging.getLogger(None if name == ROOT else name)
    logger.setLevel(logging.NOTSET if level is None else LEVELS[level])


def _name(logger: logging.Logger) -> str:
    effective = logger.getEffectiveLevel()
    if effective > logging.CRITICAL:
        return _OFF
    return next((name for name, value in LEVELS.items() if value <= effective), "TRACE")
