from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from tether_provider import wire

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_survive_the_wire(value: Any) -> None:
    assert wire.to_python(PropertyValue.unmarshal(wire.from_python(value).marshal())) == value


@given(PLAIN)
def test_secrecy_survives_the_wire(value: Any) -> None:
    assert PropertyValue.unmarshal(wire.from_python(value, secret=True).marshal()).is_secret


@pytest.mark.parametrize("unknown", [wire.UNKNOWN, PropertyValue(Computed())])
def test_an_unknown_value_is_found_however_deep_it_lies(unknown: PropertyValue) -> None:
    nested = PropertyValue({"a": PropertyValue([PropertyValue("x"), PropertyValue({"b": unknown})])})

    assert wire.is_unknown(nested)
    assert wire.to_map({"nested": nested, "known": PropertyValue("y")}) == {"known": "y"}


def test_whole_numbers_are_integers_again() -> None:
    value = wire.to_python(wire.from_python({"port": 80, "ratio": 0.5}))

    assert value == {"port": 80, "ratio": 0.5}
    assert isinstance(value["port"], int)


def test_what_has_no_meaning_on_the_wire_is_refused() -> None:
    with pytest.raises(TypeError, match="object cannot be a property"):
        wire.from_python(object())
