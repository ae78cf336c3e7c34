import pytest
from tether_provider import labelled
from tether_provider.errors import ProviderError

from tether.environments import labels


def test_labels_are_those_of_the_variable_and_none_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(labels.VARIABLE, labels.encode({"tether-env.name": "it's"}))
    assert labelled.wanted() == {"tether-env.name": "it's"}
    monkeypatch.delenv(labels.VARIABLE)
    assert labelled.wanted() == {}


@pytest.mark.parametrize("value", ["{", "[]", '"x"'])
def test_a_variable_without_labels_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(labels.VARIABLE, value)
    with pytest.raises(ProviderError, match=f"unset {labels.VARIABLE}"):
        labelled.wanted()
