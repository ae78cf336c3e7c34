"""What istiod's objects are called, as istio/istio manifests/charts/istio-control/istio-discovery names them."""

import pytest

from tether import revision
from tether.revision import DEFAULT, Revision

CANARY = Revision("canary")


def test_without_a_revision_everything_has_istios_plain_names() -> None:
    assert (DEFAULT.istiod, DEFAULT.mesh_config, DEFAULT.injector) == ("istiod", "istio", "istio-sidecar-injector")
    assert DEFAULT.host("istio-system") == "istiod.istio-system.svc"
    assert DEFAULT.selector == "app=istiod"
    assert DEFAULT.namespace_labels == {"istio-injection": "enabled"}
    assert DEFAULT.pod_labels == {"sidecar.istio.io/inject": "true"}


def test_everything_of_a_revision_ends_with_its_name() -> None:
    assert (CANARY.istiod, CANARY.mesh_config, CANARY.injector) == (
        "istiod-canary", "istio-canary", "istio-sidecar-injector-canary",
    )  # fmt: skip
    assert CANARY.host("mesh-system") == "istiod-canary.mesh-system.svc"
    assert CANARY.selector == "app=istiod,istio.io/rev=canary"


def test_a_pod_gets_a_proxy_of_a_revision_by_its_label_which_excludes_the_plain_one() -> None:
    assert CANARY.namespace_labels == {"istio.io/rev": "canary"}
    assert CANARY.pod_labels == {"sidecar.istio.io/inject": "true", "istio.io/rev": "canary"}


@pytest.mark.parametrize(
    ("one", "namespace", "name"),
    [
        (DEFAULT, "istio-system", "istio-sidecar-injector"),
        (CANARY, "istio-system", "istio-sidecar-injector-canary"),
        (DEFAULT, "mesh-system", "istio-sidecar-injector-mesh-system"),
        (CANARY, "mesh-system", "istio-sidecar-injector-canary-mesh-system"),
    ],
)
def test_the_webhook_is_named_after_the_namespace_too_where_that_is_not_istios_own(
    one: Revision, namespace: str, name: str
) -> None:
    assert one.webhook(namespace) == name


@pytest.mark.parametrize("labels", [{}, {"istio.io/rev": "default"}, {"istio.io/rev": ""}])
def test_what_has_no_label_or_the_reserved_one_is_of_no_revision(labels: dict[str, str]) -> None:
    assert revision.labelled(labels) == DEFAULT


def test_the_label_names_the_revision() -> None:
    assert revision.labelled({"istio.io/rev": "canary", "app": "istiod"}) == CANARY
