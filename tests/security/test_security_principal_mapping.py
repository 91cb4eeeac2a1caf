"""`ssl.principal.mapping.rules`: which user a certificate's name becomes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.security.principal_mapping import InvalidMappingRules, NoRuleFits, PrincipalMapping

NAME = "CN=kafka-Client-01,OU=ServiceUsers,O=Unknown,L=Unknown,ST=Unknown,C=SE"


@pytest.mark.parametrize(
    ("rules", "user"),
    [
        ("DEFAULT", NAME),
        ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/", "kafka-Client-01"),
        ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L", "kafka-client-01"),
        ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/U", "KAFKA-CLIENT-01"),
        ("RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/L,DEFAULT", "kafka-client-01@serviceusers"),
        ("RULE:^CN=(.*?),OU=Admins.*$/$1/ , RULE:.*OU=(.*?),O=.*/$1/, DEFAULT", "ServiceUsers"),
        ("RULE:^CN=x.*$/$1/,DEFAULT", NAME),
        # The first that fits is used, whatever stands behind it.
        ("DEFAULT,RULE:^CN=(.*?),.*$/$1/", NAME),
        # An escaped slash is one in the pattern; a dollar that names no group stays.
        (r"RULE:^CN=(.*?),.*$/$1\/x/", "kafka-Client-01/x"),
        ("RULE:^CN=(.*?),.*$/$1@$4/", "kafka-Client-01@$4"),
        ("RULE:^CN=(.*?),.*$/$12/", "kafka-Client-012"),
        (r"RULE:^CN=(.*?),.*$/\$1/", "$1"),
        ("RULE:^CN=(?P<user>.*?),.*$/${user}/", "kafka-Client-01"),
        # All matches are replaced, and an empty one at the end is one.
        ("RULE:.*/x/", "xx"),
    ],
)
def test_a_rule_makes_the_user(rules: str, user: str) -> None:
    """Cases are Apache's own, and the corners of Java's replacement."""
    assert PrincipalMapping(rules).user(NAME) == user


@pytest.mark.parametrize(
    "rules",
    [
        "default",
        "DEFAUL",
        "DEFAULT/L",
        "RULE:CN=(.*?),OU=ServiceUsers.*/$1",
        "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/Q",
        "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/LU",
        "RULE:^CN=(.*$/$1/",
        # What backtracks without bound elsewhere isn't known here.
        r"RULE:^(?=CN=).*$/$0/",
        r"RULE:^(.*)\1$/$1/",
        "RULE:^CN=(.*?),.*$/${nobody}/",
    ],
)
def test_rules_that_cannot_be_read_are_refused(rules: str) -> None:
    """At the start, not when somebody connects."""
    with pytest.raises(InvalidMappingRules):
        PrincipalMapping(rules)


def test_a_name_that_no_rule_fits_is_nobody() -> None:
    """Without DEFAULT, a certificate may belong to no user."""
    with pytest.raises(NoRuleFits, match="no rule"):
        PrincipalMapping("RULE:^CN=x$/y/").user(NAME)


@given(st.text())
def test_any_text_is_rules_or_is_refused(rules: str) -> None:
    """Whatever stands in the setting, nothing but this error comes of it."""
    try:
        mapping = PrincipalMapping(rules)
    except InvalidMappingRules:
        return
    with contextlib.suppress(NoRuleFits):
        mapping.user(NAME)


def test_a_hostile_name_takes_no_time() -> None:
    """A pattern that explodes in a backtracking engine is linear here: this would not end in a lifetime."""
    with pytest.raises(NoRuleFits):
        PrincipalMapping("RULE:^CN=(a+)+$/$1/").user("CN=" + "a" * 5_000 + "!")
