"""What is configured for a subject, a context or all: each field may be left to the next wider scope.

Fields and their order are the original's; the level is `compatibility` where it is set and `compatibilityLevel` where it
is told or stored. Confluent: entities.Config, storage.ConfigValue.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from ottla.registry import json_fields, metadata, rule_sets
from ottla.registry.errors import FieldError, invalid_level
from ottla.registry.json_fields import JsonObject
from ottla.registry.metadata import Metadata
from ottla.registry.rule_sets import RuleSet
from ottla.registry.schemas.compatibility import CompatibilityLevel
from ottla.registry.schemas.schema import CompatibilityPolicy

MEMBERS: Final = {
    "alias": "alias",
    "aliasForDeks": "alias_for_deks",
    "normalize": "normalize",
    "validateFields": "validate_fields",
    "validateNewSchemas": "validate_new_schemas",
    "validateRules": "validate_rules",
    "compatibilityLevel": "level",
    "compatibilityPolicy": "policy",
    "compatibilityGroup": "group",
    "defaultMetadata": "default_metadata",
    "overrideMetadata": "override_metadata",
    "defaultRuleSet": "default_rule_set",
    "overrideRuleSet": "override_rule_set",
}
"""Our name of each field by its name in JSON, in the order in which they are told."""


class SubjectConfig(NamedTuple):
    """None: nothing is said at this scope."""

    alias: str | None = None
    alias_for_deks: str | None = None
    normalize: bool | None = None
    validate_fields: bool | None = None
    validate_new_schemas: bool | None = None
    validate_rules: bool | None = None
    level: CompatibilityLevel | None = None
    policy: CompatibilityPolicy | None = None
    group: str | None = None
    default_metadata: Metadata | None = None
    override_metadata: Metadata | None = None
    default_rule_set: RuleSet | None = None
    override_rule_set: RuleSet | None = None

    @classmethod
    def from_json(cls, fields: JsonObject, *, level_name: str = "compatibilityLevel") -> Self:
        """Raises FieldError, or 42203 for a level there is none of."""
        return cls(
            json_fields.text(fields, "alias"),
            json_fields.text(fields, "aliasForDeks"),
            json_fields.boolean(fields, "normalize"),
            json_fields.boolean(fields, "validateFields"),
            json_fields.boolean(fields, "validateNewSchemas"),
            json_fields.boolean(fields, "validateRules"),
            level_named(json_fields.text(fields, level_name)),
            _policy_named(json_fields.text(fields, "compatibilityPolicy")),
            json_fields.text(fields, "compatibilityGroup"),
            Metadata.from_json(json_fields.mapping(fields, "defaultMetadata")),
            Metadata.from_json(json_fields.mapping(fields, "overrideMetadata")),
            RuleSet.from_json(json_fields.mapping(fields, "defaultRuleSet")),
            RuleSet.from_json(json_fields.mapping(fields, "overrideRuleSet")),
        )

    def as_json(self, *, level_name: str = "compatibilityLevel") -> JsonObject:
        """What is set, and no more."""
        parts: JsonObject = {}
        for name, member in MEMBERS.items():
            value = getattr(self, member)
            if isinstance(value, Metadata | RuleSet):
                parts[name] = value.as_json()
            elif value is not None:
                parts[level_name if name == "compatibilityLevel" else name] = value
        return parts

    def updated(self, change: Self, given: JsonObject) -> Self:
        """With the fields that a request gives; a null takes a field away."""
        names = {"compatibilityLevel" if name == "compatibility" else name for name in given}
        members = [member for name, member in MEMBERS.items() if name in names]
        return self._replace(**{member: getattr(change, member) for member in members})

    def within(self, wider: Self) -> Self:
        """With what is not set taken from the wider scope."""
        taken = {
            member: getattr(wider, member)
            for member in MEMBERS.values()
            if getattr(self, member) is None and member not in {"alias", "alias_for_deks"}
        }
        return self._replace(**taken)

    @property
    def changes_schemas(self) -> bool:
        """Whether metadata or rules are added to what is registered."""
        return any(
            (self.default_metadata, self.override_metadata, self.default_rule_set, self.override_rule_set)
        )

    def complete_metadata(self, given: Metadata | None) -> Metadata | None:
        """A schema's metadata between the defaults and the overrides."""
        return metadata.merged(metadata.merged(self.default_metadata, given), self.override_metadata)

    def complete_rule_set(self, given: RuleSet | None) -> RuleSet | None:
        """A schema's rules between the defaults and the overrides."""
        return rule_sets.merged(rule_sets.merged(self.default_rule_set, given), self.override_rule_set)


NOTHING_SET: Final = SubjectConfig()


def level_named(text: str | None) -> CompatibilityLevel | None:
    """The level of that name, in any case; raises 42203."""
    if text is None:
        return None
    try:
        return CompatibilityLevel(text.upper())
    except ValueError:
        raise invalid_level() from None


def _policy_named(text: str | None) -> CompatibilityPolicy | None:
    if text is None:
        return None
    try:
        return CompatibilityPolicy(text.upper())
    except ValueError:
        raise FieldError(f"compatibilityPolicy has to be STRICT, LENIENT or LOGICAL, not {text}") from None
