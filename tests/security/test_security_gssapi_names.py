"""Kerberos principals made into user names: Apache's rules, and what they must never let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.security.kerberos_names import NoUserName, UserNames, parse_kerberos_principal, parse_rule

REALM = "EXAMPLE.COM"


@pytest.mark.parametrize(
    ("rules", "principal", "name"),
    [
        (["DEFAULT"], "alice@EXAMPLE.COM", "alice"),
        (["DEFAULT"], "kafka/broker1.example.com@EXAMPLE.COM", "kafka"),
        (["DEFAULT"], "alice", "alice"),
        (["RULE:[1:$1](App\\..*)s/App\\.(.*)/$1/g", "DEFAULT"], "App.service-name@OTHER.COM", "service-name"),
        (["RULE:[2:$1]", "DEFAULT"], "kafka/host@OTHER.COM", "kafka"),
        (["RULE:[2:$1;$2](^.*;admin$)s/;admin$//"], "alice/admin@OTHER.COM", "alice"),
        (["RULE:[1:$1@$0](.*@OTHER.COM)s/@.*//"], "alice@OTHER.COM", "alice"),
        (["RULE:[1:$1]/L"], "Alice@OTHER.COM", "alice"),
        (["RULE:[1:$1]/U"], "Alice@OTHER.COM", "ALICE"),
        (["RULE:[2:$1](alice)s/a/b/g/U"], "alice/host@OTHER.COM", "BLICE"),
        (["RULE:[1:$1]s/a/b/"], "aaa@OTHER.COM", "baa"),
        (["RULE:[1:$1]s/a/b/g"], "aaa@OTHER.COM", "bbb"),
        (["RULE:[1:$1]s/(.)(.)/$2$1/"], "ab@OTHER.COM", "ba"),
        ([r"RULE:[1:$1]s/a/\$1/"], "ab@OTHER.COM", "$1b"),
        ([r"RULE:[1:$1]s/a/\\/"], "ab@OTHER.COM", "\\b"),
    ],
)
def test_the_first_rule_that_fits(rules: list[str], principal: str, name: str) -> None:
    """As `KerberosShortNamer` reads them."""
    assert UserNames(rules, REALM).of(principal) == name


@pytest.mark.parametrize(
    ("rules", "principal"),
    [
        (["DEFAULT"], "alice@OTHER.COM"),
        (["DEFAULT"], "alice@example.com"),
        ([], "alice@EXAMPLE.COM"),
        (["RULE:[2:$1]"], "alice@EXAMPLE.COM"),
        (["RULE:[1:$1](bob)"], "bobby@EXAMPLE.COM"),
        (["RULE:[1:$1@$0]"], "alice@EXAMPLE.COM"),
        (["RULE:[2:$1/$2]"], "alice/admin@EXAMPLE.COM"),
        (["RULE:[1:$1]s/.*//"], "alice@EXAMPLE.COM"),
        (["DEFAULT"], "a/b/c@EXAMPLE.COM"),
        (["DEFAULT"], "a@b@EXAMPLE.COM"),
        (["DEFAULT"], "a/b"),
        (["DEFAULT"], ""),
        (["DEFAULT"], "@EXAMPLE.COM"),
        (["DEFAULT"], "a" * 2_000 + "@EXAMPLE.COM"),
    ],
)
def test_no_name_at_all(rules: list[str], principal: str) -> None:
    """A stranger's principal gets in as nobody, least of all as one of ours."""
    with pytest.raises(NoUserName):
        UserNames(rules, REALM).of(principal)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "default",
        "RULE:",
        "RULE:[:$1]",
        "RULE:[1:$1",
        "RULE:[1:$1](",
        "RULE:[1:$1](a)s/a/b",
        "RULE:[1:$1]X",
        "RULE:[1:$2]",
        "RULE:[1:$]",
        "RULE:[1:$1](*)",
        "RULE:[1:$1]s/a/$1/",
        "RULE:[1:$1] ",
        "RULE:[1:$1]s/a/\\/",
    ],
)
def test_texts_that_are_no_rule(rule: str) -> None:
    """Are told at the start, by the rule itself."""
    with pytest.raises(ValueError, match="Invalid rule"):
        UserNames([rule], REALM)


@given(
    primary=st.text(alphabet=st.characters(exclude_characters="/@"), min_size=1),
    realm=st.text("AB.", min_size=1),
)
def test_the_default_rule_lets_one_realm_in(primary: str, realm: str) -> None:
    """Whatever the names hold."""
    names = UserNames(["DEFAULT"], REALM)
    assert names.of(f"{primary}@{REALM}") == primary
    if realm != REALM:
        with pytest.raises(NoUserName):
            names.of(f"{primary}@{realm}")


@given(text=st.text())
def test_any_text_is_a_principal_or_none(text: str) -> None:
    """Nothing else comes of it."""
    try:
        parse_kerberos_principal(text)
    except NoUserName:
        return


@given(text=st.text(alphabet="RULE:[]()$12s/gLU.*\\ab"))
def test_any_text_is_a_rule_or_none(text: str) -> None:
    """Likewise."""
    try:
        parse_rule(f"RULE:{text}")
    except ValueError:
        return
