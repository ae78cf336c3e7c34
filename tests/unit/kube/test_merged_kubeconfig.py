import pytest
import yaml

from tether import kubeconfig
from tether.kubeconfig import KubeconfigFileError


def of(server: str, user: str) -> str:
    return kubeconfig.for_cluster(name=f"kind-{server}", server=server, bundle="Yg==", user={"token": user})


def test_every_cluster_has_a_context_of_its_name_and_the_first_is_current() -> None:
    whole = kubeconfig.merged({"east": of("a", "1"), "west": of("b", "2")})
    assert yaml.safe_load(whole)["current-context"] == "east"
    west = yaml.safe_load(kubeconfig.load(whole, "west"))
    assert west["contexts"][1] == {"name": "west", "context": {"cluster": "west", "user": "west"}}
    assert west["clusters"][1]["cluster"]["server"] == "b"
    assert west["users"][1]["user"] == {"token": "2"}


@pytest.mark.parametrize("text", ["", "a: b", "contexts: []\ncurrent-context: x"])
def test_what_is_no_kubeconfig_is_told_by_its_name(text: str) -> None:
    with pytest.raises(KubeconfigFileError, match="of west"):
        kubeconfig.merged({"west": text})
