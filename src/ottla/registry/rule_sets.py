"""Rule sets of data contracts: stored and checked here, run by the clients.

    {"migrationRules": [rule…], "domainRules": [rule…], "encodingRules": [rule…], "enableAt": "…"}
    rule: name, doc, kind, mode, type, tags, params, expr, onSuccess, onFailure, disabled

Confluent: entities.RuleSet, entities.Rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Self

from ottla.registry import json_fields
from ottla.registry.errors import FieldError, invalid_rule_set
from ottla.registry.json_fields import Json, JsonObject

NAME_MAX_LENGTH: Final = 64

_KINDS: Final = ("TRANSFORM", "CONDITION")
_MIGRATION_MODES: Final = frozenset({"UPGRADE", "DOWNGRADE", "UPDOWN"})
_DOMAIN_MODES: Final = frozenset({"WRITE", "READ", "WRITEREAD"})
_MODES: Final = _MIGRATION_MODES | _DOMAIN_MODES
_TWO_WAY_MODES: Final = frozenset({"WRITEREAD", "UPDOWN"})


class Rule(NamedTuple):
    """One rule, as the client is to run it."""

    name: str | None
    doc: str | None
    kind: str
    mode: str
    type: str | None
    tags: tuple[str, ...]
    params: Mapping[str, str]
    expr: str | None
    on_success: str | None
    on_failure: str | None
    disabled: bool

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        kind = json_fields.text(fields, "kind") or "TRANSFORM"
        mode = json_fields.text(fields, "mode") or "WRITEREAD"
        if kind not in _KINDS:
            raise FieldError(f"kind of a rule has to be TRANSFORM or CONDITION, not {kind}")
        if mode not in _MODES:
            raise FieldError(f"mode of a rule has to be one of {', '.join(sorted(_MODES))}, not {mode}")
        return cls(
            json_fields.text(fields, "name"),
            json_fields.text(fields, "doc"),
            kind,
            mode,
            json_fields.text(fields, "type"),
            tuple(sorted(set(json_fields.texts(fields, "tags")))),
            json_fields.text_map(fields, "params"),
            json_fields.text(fields, "expr"),
            json_fields.text(fields, "onSuccess"),
            json_fields.text(fields, "onFailure"),
            bool(json_fields.boolean(fields, "disabled")),
        )

    def as_json(self) -> JsonObject:
        """Without what is empty; `disabled` is always told."""
        parts: JsonObject = {
            "name": self.name,
            "doc": self.doc,
            "kind": self.kind,
            "mode": self.mode,
            "type": self.type,
            "tags": list[Json](self.tags),
            "params": dict(self.params),
            "expr": self.expr,
            "onSuccess": self.on_success,
            "onFailure": self.on_failure,
        }
        parts = {name: value for name, value in parts.items() if value}
        parts["disabled"] = self.disabled
        return parts

    def hashed(self) -> Iterator[str]:
        """The texts that go into a schema's hash, in order."""
        yield from filter(None, (self.name, self.doc, self.kind, self.mode, self.type))
        yield from self.tags
        for name, value in self.params.items():
            yield name
            yield value
        yield from filter(None, (self.expr, self.on_success, self.on_failure))
        if self.disabled:
            yield "\x01"

    def check(self) -> None:
        """Raise 42210 unless a client can run it."""
        _check_name(self.name)
        if self.type is None:
            raise invalid_rule_set("Missing rule type")
        for action in (self.on_success, self.on_failure):
            if action is not None and "," in action and self.mode not in _TWO_WAY_MODES:
                raise invalid_rule_set("Multiple actions only valid with WRITEREAD and UPDOWN")


class RuleSet(NamedTuple):
    """The rules for moving between versions, for values, and for how these are encoded."""

    migration_rules: tuple[Rule, ...]
    domain_rules: tuple[Rule, ...]
    encoding_rules: tuple[Rule, ...]
    enable_at: str | None = None

    @classmethod
    def from_json(cls, fields: JsonObject | None) -> Self | None:
        """None stays None; raises FieldError."""
        if fields is None:
            return None
        migration, domain, encoding = (
            tuple(Rule.from_json(each) for each in json_fields.objects(fields, name))
            for name in ("migrationRules", "domainRules", "encodingRules")
        )
        return cls(migration, domain, encoding, json_fields.text(fields, "enableAt"))

    def as_json(self) -> JsonObject:
        """Without what is empty."""
        parts: JsonObject = {
            "migrationRules": [rule.as_json() for rule in self.migration_rules],
            "domainRules": [rule.as_json() for rule in self.domain_rules],
            "encodingRules": [rule.as_json() for rule in self.encoding_rules],
            "enableAt": self.enable_at,
        }
        return {name: value for name, value in parts.items() if value}

    def hashed(self) -> Iterator[str]:
        """The texts that go into a schema's hash, in order."""
        for rule in (*self.migration_rules, *self.domain_rules, *self.encoding_rules):
            yield from rule.hashed()

    def check(self) -> None:
        """Raise 42210 unless every rule is sound and every name is there once."""
        names: set[str | None] = set()
        for rules, modes, complaint in (
            (
                self.migration_rules,
                _MIGRATION_MODES,
                "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN",
            ),
            (self.domain_rules, _DOMAIN_MODES, "Domain rules can only be WRITE, READ, WRITEREAD"),
            (self.encoding_rules, _DOMAIN_MODES, "Encoding rules can only be WRITE, READ, WRITEREAD"),
        ):
            for rule in rules:
                if rule.name in names:
                    raise invalid_rule_set(f"Found rule with duplicate name '{rule.name}'")
                names.add(rule.name)
                rule.check()
                if rule.mode not in modes:
                    raise invalid_rule_set(complaint)

    def without(self, names: Sequence[str]) -> Self:
        """The same without the rules of these names."""
        return self._replace(
            migration_rules=tuple(rule for rule in self.migration_rules if rule.name not in names),
            domain_rules=tuple(rule for rule in self.domain_rules if rule.name not in names),
            encoding_rules=tuple(rule for rule in self.encoding_rules if rule.name not in names),
        )

    def has_type(self, rule_type: str) -> bool:
        """Whether any rule is of the type."""
        return any(
            rule.type == rule_type
            for rule in (*self.migration_rules, *self.domain_rules, *self.encoding_rules)
        )


def merged(earlier: RuleSet | None, later: RuleSet | None) -> RuleSet | None:
    """Both together; a rule of `later` takes the place of one of the same name."""
    if earlier is None or later is None:
        return later if earlier is None else earlier
    return RuleSet(
        _merged(earlier.migration_rules, later.migration_rules),
        _merged(earlier.domain_rules, later.domain_rules),
        _merged(earlier.encoding_rules, later.encoding_rules),
        later.enable_at or earlier.enable_at,
    )


def _merged(earlier: tuple[Rule, ...], later: tuple[Rule, ...]) -> tuple[Rule, ...]:
    names = {rule.name for rule in later}
    return (*(rule for rule in earlier if rule.name not in names), *later)


def _check_name(name: str | None) -> None:
    if name is None:
        raise invalid_rule_set("Missing rule name")
    if not name:
        raise invalid_rule_set("Empty rule name")
    if len(name) > NAME_MAX_LENGTH:
        raise invalid_rule_set("Rule name too long")
    if not (name[0].isalpha() or name[0] == "_"):
        raise invalid_rule_set(f"Illegal initial character in rule name: {name}")
    if not all(each.isalnum() or each in "_-" for each in name[1:]):
        raise invalid_rule_set(f"Illegal character in rule name: {name}")
