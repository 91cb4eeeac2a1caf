"""What a setting is: one declaration, from which parsing, checking, DescribeConfigs and the manual all follow."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from ottla.config.validators import InvalidSettingError, Validator
from ottla.config.values import Password, Type, Value, WrongTypeError, parse, print_value


class Importance(enum.Enum):
    """How likely it is that someone has to know the setting."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class UpdateMode(enum.Enum):
    """When a broker's setting can change: only at the start, or by AlterConfigs for one broker or for all of them.

    What is `CLUSTER_WIDE` may also be set for one broker alone.
    """

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting under Apache's name."""

    name: str
    type: Type
    default: Value
    """Already in the form of its type; None: there is no value unless one is given."""
    doc: str
    """A sentence or two for people, with the unit and what -1, 0 or no value mean."""
    valid: Validator | None = None
    importance: Importance = Importance.MEDIUM
    update: UpdateMode = UpdateMode.READ_ONLY
    internal: bool = False
    """Taken when given, but neither listed by DescribeConfigs nor in the manual."""
    listed: bool = True
    """False: DescribeConfigs shows it only where it is given, since Apache Kafka has no such setting."""
    without_effect: str = ""
    """Why giving it changes nothing here; empty when it does. Told once, in the log, when it is given."""

    def parse(self, text: str) -> Value:
        """Read and check `text`; raises `InvalidSettingError`, in which a secret stays hidden."""
        shown = "[hidden]" if self.type is Type.PASSWORD else text
        try:
            value = parse(self.type, text)
        except WrongTypeError as error:
            raise InvalidSettingError(self.name, shown, str(error)) from None
        if self.valid is not None:
            self.valid.check(self.name, value)
        return value

    @property
    def default_text(self) -> str | None:
        """The default as DescribeConfigs and the manual print it."""
        return print_value(self.default)

    @property
    def sensitive(self) -> bool:
        """Whether its value is never shown."""
        return self.type is Type.PASSWORD


def by_name(*families: Iterable[Setting]) -> dict[str, Setting]:
    """All settings of some families by name, in the order of the names; a name declared twice is a fault."""
    settings = sorted(
        (setting for family in families for setting in family), key=lambda setting: setting.name
    )
    table = {setting.name: setting for setting in settings}
    if len(table) != len(settings):
        twice = {a.name for a, b in itertools.pairwise(settings) if a.name == b.name}
        raise ValueError(f"declared twice: {', '.join(sorted(twice))}")
    return table


__all__ = [
    "Importance",
    "InvalidSettingError",
    "Password",
    "Setting",
    "Type",
    "UpdateMode",
    "Value",
    "by_name",
]
