"""JAAS entries as they stand in `sasl.jaas.config`."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.security.jaas import JaasError, jaas_contexts, jaas_entries, jaas_entry

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def test_an_entry_is_a_module_a_flag_and_options():
    """The form of Kafka's manual."""
    entry = jaas_entry(f'{PLAIN} required username="admin" password="admin-secret" user_alice="a b";')
    assert entry.login_module == PLAIN
    assert entry.control_flag == "required"
    assert entry.options == {"username": "admin", "password": "admin-secret", "user_alice": "a b"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("word", "word"),
        ("true", "true"),
        ("'single'", "single"),
        ('"with \\"quotes\\" and \\\\"', 'with "quotes" and \\'),
        ('"tab\\tnew\\nline"', "tab\tnew\nline"),
        ('"\\101\\60"', "A0"),
        ('"semi;colon=equals // no comment /* none */"', "semi;colon=equals // no comment /* none */"),
        ('"\\q"', "q"),
        ('"schlüssel"', "schlüssel"),
    ],
)
def test_values_are_words_or_quoted(written, meant):
    """Escapes are those of Java's StreamTokenizer."""
    assert jaas_entry(f"a.Module required option={written};").options == {"option": meant}


def test_comments_and_lines_do_not_matter():
    """A JAAS file is laid out over lines."""
    text = "a.Module /* which */ REQUIRED\n  // nothing\n  one=\"1\"\n  two = '2' ;\n"
    entry = jaas_entry(text)
    assert (entry.control_flag, entry.options) == ("required", {"one": "1", "two": "2"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 login modules"),
        ("a.Module required; b.Module required;", "2 login modules"),
        ("a.Module;", "must stand one of required"),
        ("a.Module", "must stand one of required"),
        ("; required;", "a login module must stand at character 1"),
        ("a.Module required one", "has no value"),
        ("a.Module required one=;", "has no value"),
        ("a.Module required one=1", "not ended by a semicolon"),
        ('a.Module required one="1;', "character 23 fits in nowhere"),
        ("a.Module required one=p@ss;", "character 24 fits in nowhere"),
    ],
)
def test_what_is_no_entry_is_refused_by_its_place(text, said):
    """Whoever set it has to find the slip."""
    with pytest.raises(JaasError, match=said):
        jaas_entry(text)


@pytest.mark.parametrize(
    "text",
    [
        'm required password="hunter2" hunter2;',
        "m required password=hunter2@;",
        "m hunter2 password=x;",
        'm required password="hunter2',
    ],
)
def test_errors_quote_nothing(text):
    """Any word may be part of a password whose quotes were forgotten."""
    with pytest.raises(JaasError) as refused:
        jaas_entry(text)
    assert "hunter2" not in str(refused.value)


def test_an_entry_does_not_show_its_options():
    """It may end up in a log line."""
    assert "hunter2" not in repr(jaas_entry('m required user_bob="hunter2";'))


@given(st.text())
def test_any_text_is_entries_or_an_error(text):
    """Nothing else is raised."""
    with contextlib.suppress(JaasError):
        list(jaas_entries(text))


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(st.characters(exclude_characters='"\\\n'))
    )
)
def test_quoted_options_come_back(options):
    """Every character but the quote, the backslash and a line's end stands for itself."""
    text = "m optional " + " ".join(f'{key}="{value}"' for key, value in options.items()) + ";"
    assert jaas_entry(text).options == options


FILE = """
KafkaServer {
    org.apache.kafka.common.security.plain.PlainLoginModule required
        user_alice="}";
    org.apache.kafka.common.security.scram.ScramLoginModule required;
};

external.KafkaServer { a.PlainLoginModule optional user_bob="b"; };
Client {};
"""


def test_a_file_groups_entries():
    """As Apache's brokers have it."""
    contexts = jaas_contexts(FILE)
    assert list(contexts) == ["KafkaServer", "external.KafkaServer", "Client"]
    assert [entry.options for entry in contexts["KafkaServer"]] == [{"user_alice": "}"}, {}]
    assert [entry.options for entry in contexts["external.KafkaServer"]] == [{"user_bob": "b"}]
    assert contexts["Client"] == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("KafkaServer a.Module required;", "must stand {"),
        ("KafkaServer {", "not ended by }"),
        ("KafkaServer { a.Module required; }", "not ended by };"),
        ("KafkaServer { a.Module required }; ;", "has no value"),
        ("KafkaServer { { };", "a login module must stand at character 15"),
    ],
)
def test_what_is_no_file_of_groups_is_refused_by_its_place(text, said):
    """Likewise."""
    with pytest.raises(JaasError, match=said):
        jaas_contexts(text)


@given(st.text())
def test_any_text_is_groups_or_an_error(text):
    """Nothing else is raised."""
    with contextlib.suppress(JaasError):
        jaas_contexts(text)
