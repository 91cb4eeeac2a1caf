"""The order of Java's hash maps, kept while keys come and go."""

from hypothesis import given
from hypothesis import strategies as st

from ottla.groups.java_hash_order import StringHashOrder, string_hash_order

KEYS = [f"member-{number}" for number in range(40)]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(KEYS)), max_size=200))
def test_an_order_that_is_kept_is_the_one_of_a_new_map(steps: list[tuple[bool, str]]) -> None:
    """Whoever came and went in between, and however often the map was too full or too large."""
    order = StringHashOrder()
    present: dict[str, None] = {}
    for comes, key in steps:
        if comes:
            order.add(key)
            present.setdefault(key)
        else:
            order.discard(key)
            present.pop(key, None)
        assert list(order) == string_hash_order(present)


def test_a_copy_goes_its_own_way() -> None:
    """A decision that is not taken leaves nothing behind."""
    order = StringHashOrder()
    for key in KEYS[:12]:
        order.add(key)
    before = list(order)
    copied = order.copy()
    copied.add(KEYS[12])
    copied.discard(KEYS[0])
    assert list(order) == before
    assert set(copied) == set(KEYS[1:13])
