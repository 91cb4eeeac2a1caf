"""The settings of an authorizer, which no list of a broker's settings has."""

import pytest

from ottla.config.authorizer import authorizer_settings
from ottla.config.broker_config import broker_config
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.checks import InvalidConfigurationError

STANDARD = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
ACL_AUTHORIZER = "kafka.security.authorizer.AclAuthorizer"


@pytest.mark.parametrize("class_name", [STANDARD, ACL_AUTHORIZER])
def test_either_of_apache_s_authorizers(class_name: str) -> None:
    """Super users between semicolons, with blanks around them; a distinguished name has commas of its own."""
    config = broker_config(
        {
            "authorizer.class.name": class_name,
            "super.users": " User:root ; User:CN=kafka,OU=x;;",
            "allow.everyone.if.no.acl.found": "TRUE",
        }
    )
    settings = authorizer_settings(config.given)
    assert settings is not None
    assert settings.super_users == {"User:root", "User:CN=kafka,OU=x"}
    assert settings.allow_everyone_if_no_acl_found
    assert config.warnings == ()


def test_what_holds_unless_it_is_set() -> None:
    """Nobody is a super user, and what no rule is about is closed; anything but `true` leaves it so."""
    settings = authorizer_settings(broker_config({"authorizer.class.name": STANDARD}).given)
    assert settings == (frozenset(), False)
    given = {"authorizer.class.name": STANDARD, "allow.everyone.if.no.acl.found": "yes"}
    assert authorizer_settings(broker_config(given).given) == (frozenset(), False)


def test_without_an_authorizer_its_settings_are_warned_of() -> None:
    """Somebody who names super users counts on others being kept out."""
    config = broker_config({"super.users": "User:root", "authorizer.class.name": ""})
    assert authorizer_settings(config.given) is None
    [warning] = config.warnings
    assert warning.startswith("super.users (")
    assert warning.endswith("has no effect: there is no authorizer; authorizer.class.name sets one")


@pytest.mark.parametrize("users", ["root", "User:root;alice", "User:", ":root"])
def test_a_super_user_without_a_type_is_a_fault(users: str) -> None:
    """The broker doesn't start: Apache's doesn't either."""
    with pytest.raises(InvalidConfigurationError, match=r"^super\.users=.*principalType:principalName"):
        broker_config({"authorizer.class.name": STANDARD, "super.users": users})


def test_no_other_authorizer() -> None:
    """One that can't be loaded must not leave everything open."""
    with pytest.raises(InvalidConfigurationError, match="no Java classes to load; served are kafka"):
        broker_config({"authorizer.class.name": "com.example.OpaAuthorizer"})


def test_they_are_no_settings_of_the_broker() -> None:
    """DescribeConfigs shows them as it shows all that it doesn't know: without their values."""
    assert not {"super.users", "allow.everyone.if.no.acl.found"} & BROKER_SETTINGS.keys()
