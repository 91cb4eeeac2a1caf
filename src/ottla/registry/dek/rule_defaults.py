"""What a rule that encrypts is completed with when it is registered: the KEK's name and the kind of its service.

A rule may name just the key of a service, `encrypt.kms.key.id`. Its KEK is then called like that key, and an ARN is of AWS.
Confluent: EncryptionUpdateRequestHandler.
"""

from __future__ import annotations

from typing import Final

from ottla.registry.rule_sets import Rule, RuleSet

KEK_NAME: Final = "encrypt.kek.name"
KMS_KEY_ID: Final = "encrypt.kms.key.id"
KMS_TYPE: Final = "encrypt.kms.type"

_AMAZON: Final = "arn:"


def completed(rule_set: RuleSet | None) -> RuleSet | None:
    """The rules with what they leave to be found out."""
    if rule_set is None:
        return None
    return rule_set._replace(
        domain_rules=tuple(_completed(rule) for rule in rule_set.domain_rules),
        encoding_rules=tuple(_completed(rule) for rule in rule_set.encoding_rules),
    )


def _completed(rule: Rule) -> Rule:
    kms_key_id = rule.params.get(KMS_KEY_ID)
    if kms_key_id is None:
        return rule
    found = {KEK_NAME: _kek_name(kms_key_id)}
    if kms_key_id.startswith(_AMAZON):
        found[KMS_TYPE] = "aws-kms"
    return rule._replace(params=dict(sorted({**found, **rule.params}.items())))


def _kek_name(kms_key_id: str) -> str:
    name = kms_key_id.removeprefix(_AMAZON)
    return "".join(each if each.isalnum() or each in "_-" else "-" for each in name)
