"""Values of each type, and their rules."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.config.definition import Setting, by_name
from ottla.config.validators import (
    GzipLevel,
    InvalidSettingError,
    NonEmptyString,
    OneOfIgnoringCase,
    Range,
    ShareOffsetReset,
    ThrottledReplicas,
    Validator,
)
from ottla.config.values import Password, Type, Value, WrongTypeError, parse, print_double, print_value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Type.BOOLEAN, "TRUE", True),
        (Type.BOOLEAN, " false ", False),
        (Type.INT, "-2147483648", -(2**31)),
        (Type.INT, "+7", 7),
        (Type.SHORT, "32767", 32767),
        (Type.LONG, "\t9223372036854775807\n", 2**63 - 1),
        (Type.DOUBLE, "1e3", 1000.0),
        (Type.DOUBLE, ".5", 0.5),
        (Type.DOUBLE, "1.5f", 1.5),
        (Type.DOUBLE, "Infinity", math.inf),
        (Type.LIST, "", ()),
        (Type.LIST, "  ", ()),
        (Type.LIST, "a , b,c", ("a", "b", "c")),
        (Type.LIST, "a,,b,", ("a", "", "b", "")),
        (Type.STRING, "  x y  ", "x y"),
        (Type.CLASS, "org.example.Thing", "org.example.Thing"),
        (Type.PASSWORD, " p ", Password("p")),
    ],
)
def test_a_text_is_read_as_apache_reads_it(kind: Type, text: str, value: Value) -> None:
    """Blanks around are taken off; a list is divided at its commas, empty entries kept."""
    assert parse(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Type.BOOLEAN, "yes", "Expected value to be either true or false"),
        (Type.INT, "2147483648", "Not a number of type INT"),
        (Type.INT, "1_000", "Not a number of type INT"),
        (Type.INT, "1.0", "Not a number of type INT"),
        (Type.INT, "", "Not a number of type INT"),
        (Type.SHORT, "32768", "Not a number of type SHORT"),
        (Type.LONG, "9" * 5000, "Not a number of type LONG"),
        (Type.DOUBLE, "inf", "Not a number of type DOUBLE"),
        (Type.DOUBLE, "1e", "Not a number of type DOUBLE"),
    ],
)
def test_a_text_of_another_type_is_refused_in_apache_s_words(kind: Type, text: str, message: str) -> None:
    """The words are ConfigDef's; a number of five thousand digits costs no time."""
    with pytest.raises(WrongTypeError, match=message):
        parse(kind, text)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.5, "0.5"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (2147483647.0, "2.147483647E9"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999.0"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (-1234567890123.0, "-1.234567890123E12"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
    ],
)
def test_a_number_is_printed_as_java_prints_it(value: float, printed: str) -> None:
    """DescribeConfigs answers are compared as texts by tools: `2.147483647E9`, not `2147483647.0`."""
    assert print_double(value) == printed


@given(st.floats(allow_nan=False))
def test_a_printed_number_reads_as_itself(value: float) -> None:
    """Nothing is lost between printing and reading."""
    assert parse(Type.DOUBLE, print_double(value)) == value


def test_a_secret_is_never_shown() -> None:
    """Neither its own form, nor a fault about it, nor the printed value holds it."""
    setting = Setting(
        name="x.password", type=Type.PASSWORD, default=None, doc="Secret.", valid=OneOfRefused()
    )
    assert "hunter2" not in repr(setting.parse("ok"))
    assert print_value(Password("hunter2")) == "[hidden]"
    with pytest.raises(InvalidSettingError) as refused:
        setting.parse("hunter2")
    assert "hunter2" not in str(refused.value)


class OneOfRefused:
    """Refuses one secret."""

    def check(self, name: str, value: Value) -> None:
        if value == Password("hunter2"):
            raise InvalidSettingError(name, print_value(value), "no")


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (Range(0), [0, 5], [-1]),
        (Range(0, 1), [0, 0.5, 1], [-0.1, 1.1, math.nan]),
        (Range(None, 3), [-9, 3], [4]),
        (GzipLevel(), [-1, 1, 9], [0, 10, -2]),
        (NonEmptyString(), ["x", None], [""]),
        (OneOfIgnoringCase(("UPGRADE",)), ["upgrade", "UpGrade"], ["x", None]),
        (ThrottledReplicas(), [("*",), ("0:1", "1:2"), ()], [("a:b",), ("*", "0:1"), ("1",)]),
        (
            ShareOffsetReset(),
            ["latest", "EARLIEST", "by_duration:PT1H", "by_duration:P1DT2H3M4.5S"],
            ["now", "by_duration:1h", "by_duration:P", "by_duration:PT-1H", "by_duration:PT"],
        ),
    ],
    ids=str,
)
def test_a_rule_takes_what_it_should(rule: Validator, good: list[Value], bad: list[Value]) -> None:
    """Values at both sides of each rule's edge."""
    for value in good:
        rule.check("x", value)
    for value in bad:
        with pytest.raises(InvalidSettingError, match="for configuration x: "):
            rule.check("x", value)


def test_a_setting_declared_twice_is_a_fault() -> None:
    """Two declarations of one name can't both hold."""
    setting = Setting(name="x", type=Type.INT, default=1, doc="One.")
    with pytest.raises(ValueError, match="declared twice: x"):
        by_name([setting], [setting])
