"""Where settings come from: a `.properties` file, the environment, `--set`, a program.

Each value remembers its origin, so that a fault can say where it has to be mended. Of two values for one name the later
one holds; the order is file, environment, `--set`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_BLANKS = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")

NOT_SETTINGS = frozenset(
    {
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_HEAP_OPTS",
        "KAFKA_HOME",
        "KAFKA_JMX_HOSTNAME",
        "KAFKA_JMX_OPTS",
        "KAFKA_JMX_PORT",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_LOG4J_LOGGERS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "KAFKA_OPTS",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
        "KAFKA_VERSION",
    }
)
"""Variables of Apache's image and start scripts that are for the JVM or the logger, not for the broker."""

_JVM_OPTIONS = "KAFKA_OPTS"
_JAAS_FILE = "-Djava.security.auth.login.config="
"""The one option of the JVM that says something of the broker: where its users stand."""


class SourceError(ValueError):
    """A file or an argument that can't be read as settings; the message says which and where."""


class Given(NamedTuple):
    """A value as it was given, before it is known to be right."""

    name: str
    text: str
    origin: str
    """For people: `server.properties, line 12`, `--set`, `environment KAFKA_LOG_RETENTION_MS`."""


def read_properties_file(path: Path) -> list[Given]:
    """The settings in a `.properties` file; raises `SourceError` when it can't be read.

    Text is UTF-8 where it is valid as such, else ISO 8859-1, which is all that Java reads.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("iso-8859-1")
    return parse_properties(text, str(path))


def parse_properties(text: str, origin: str) -> list[Given]:
    """The settings in the text of a `.properties` file, read as `java.util.Properties` does."""
    settings: dict[str, Given] = {}
    for number, line in _logical_lines(text):
        where = f"{origin}, line {number}"
        name_end, value_start = _separator(line)
        name = _unescape(line[:name_end], where)
        settings[name] = Given(name, _unescape(line[value_start:], where), where)
    return list(settings.values())


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """The variables `KAFKA_…`, named as Apache's image reads them: `KAFKA_LOG_RETENTION_MS` is `log.retention.ms`.

    One underscore stands for a dot, two for an underscore, three for a dash (Apache's KafkaDockerWrapper).
    """
    given = [
        Given(setting_of_variable(variable), text, f"environment {variable}")
        for variable, text in sorted(environment.items())
        if variable.startswith("KAFKA_") and variable not in NOT_SETTINGS
    ]
    options = environment.get(_JVM_OPTIONS, "").split()
    files = [word.removeprefix(_JAAS_FILE) for word in options if word.startswith(_JAAS_FILE)]
    return given + [Given("ottla.jaas.file", path, f"environment {_JVM_OPTIONS}") for path in files[-1:]]


def setting_of_variable(variable: str) -> str:
    """`KAFKA_LOG_RETENTION_MS` → `log.retention.ms`."""
    dotted = variable.removeprefix("KAFKA_").lower().replace("_", ".")
    return dotted.replace("...", "-").replace("..", "_")


def from_arguments(arguments: Iterable[str]) -> list[Given]:
    """What follows `--set`: `name=value` each; raises `SourceError` for anything else."""
    return [_argument(argument) for argument in arguments]


def _argument(argument: str) -> Given:
    name, separator, text = argument.partition("=")
    if not separator or not name.strip():
        raise SourceError(f"--set {argument}: has to be NAME=VALUE, as in --set log.retention.hours=24")
    return Given(name.strip(), text, "--set")


def from_program(settings: Mapping[str, str]) -> list[Given]:
    """What a program that embeds a broker gives."""
    return [Given(name, text, "program") for name, text in settings.items()]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold a setting, with continuations joined and the number of the first."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    position = 0
    while position < len(lines):
        first = position
        line = lines[position].lstrip(_BLANKS)
        position += 1
        if not line or line[0] in "#!":
            continue
        while _continues(line):
            line = line[:-1]
            if "".join(lines[position : position + 2]) == "" and position >= len(lines) - 1:
                # The text ends here; Java takes even a lone backslash for a setting without a name, but for one before
                # the two characters of a Windows line's end.
                position = len(lines)
                break
            if not line:
                # After a lone backslash Java begins anew: the next line may be a comment.
                break
            line += lines[position].lstrip(_BLANKS)
            position += 1
        if line or (position >= len(lines) and not text.endswith("\r\n")):
            yield first + 1, line


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _separator(line: str) -> tuple[int, int]:
    """Where the name ends and where the value begins: one `=` or `:`, with blanks around it, or blanks alone."""
    end = 0
    while end < len(line) and line[end] not in "=:" + _BLANKS:
        end += 2 if line[end] == "\\" else 1
    end = min(end, len(line))
    rest = line[end:].lstrip(_BLANKS)
    if rest and rest[0] in "=:":
        rest = rest[1:].lstrip(_BLANKS)
    return end, len(line) - len(rest)


def _unescape(text: str, where: str) -> str:
    if "\\" not in text:
        return text
    out: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character != "\\":
            out.append(character)
        elif position < len(text):
            character = text[position]
            position += 1
            if character == "u":
                out.append(_code_point(text[position : position + 4], where))
                position += 4
            else:
                out.append(_ESCAPES.get(character, character))
    # Java's characters are UTF-16 units; a pair of them is one character here.
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _code_point(digits: str, where: str) -> str:
    if len(digits) != 4 or not _HEX_DIGITS.issuperset(digits):
        raise SourceError(f"{where}: \\u has to be followed by four hexadecimal digits")
    return chr(int(digits, 16))
