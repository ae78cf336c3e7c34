"""The way of the remote's pods and API server to istiod."""

import base64

from tests.e2e.breaking.before import INJECTOR, authority, scaled
from tests.e2e.breaking.lab import PRIMARY, REMOTE, Breakage, Lab, Way

NAMESPACE = "tether-doctor"


def _external_name(lab: Lab) -> None:
    lab.keep(REMOTE, "endpointslice istiod")
    lab.keep(REMOTE, "service istiod")
    spec = {"type": "ExternalName", "externalName": "gateway.test", "clusterIP": None, "clusterIPs": None}
    lab.patch(REMOTE, "service istiod", {"spec": spec})


def _no_service(lab: Lab) -> None:
    lab.keep(REMOTE, "endpointslice istiod")
    lab.keep(REMOTE, "service istiod")
    lab.kubectl(REMOTE, "delete", "service", "istiod")


def _no_slice(lab: Lab) -> None:
    lab.keep(REMOTE, "endpointslice istiod")
    lab.kubectl(REMOTE, "delete", "endpointslice", "istiod")


def _moved_address(lab: Lab) -> None:
    lab.keep(REMOTE, "endpointslice istiod")
    moved = {"op": "replace", "path": "/endpoints/0/addresses/0", "value": lab.nobody()}
    lab.patch(REMOTE, "endpointslice istiod", [moved], "json")


def _not_exposed(lab: Lab) -> None:
    lab.keep(PRIMARY, "gateways.networking.istio.io istiod-gateway")
    lab.kubectl(PRIMARY, "delete", "gateways.networking.istio.io", "istiod-gateway")


def _no_virtual_service(lab: Lab) -> None:
    lab.keep(PRIMARY, "virtualservices.networking.istio.io istiod-vs")
    lab.kubectl(PRIMARY, "delete", "virtualservices.networking.istio.io", "istiod-vs")


def _stale_bundle(lab: Lab) -> None:
    """An older revision's webhook: istiod repairs only those of its own revision."""
    found = lab.keep(REMOTE, INJECTOR)
    certificate, _ = authority("An earlier mesh", 30)
    bundle = base64.b64encode(certificate.encode()).decode()
    for hook in found["webhooks"]:
        hook["clientConfig"]["caBundle"] = bundle
    labels = {"istio.io/rev": "earlier"}
    lab.patch(REMOTE, INJECTOR, {"metadata": {"labels": labels}, "webhooks": found["webhooks"]})


def _immutable_root(lab: Lab) -> None:
    root = "istio-ca-root-cert"
    lab.remove_at_the_end(REMOTE, "namespace", NAMESPACE)
    lab.kubectl(REMOTE, "create", "namespace", NAMESPACE)
    lab.kubectl(REMOTE, "wait", f"configmap/{root}", "-n", NAMESPACE, "--for=create", "--timeout=120s")
    certificate, _ = authority("An earlier mesh", 30)
    # In one request: istiod mends what is not immutable yet, and at once.
    change = {"data": {"root-cert.pem": certificate}, "immutable": True}
    lab.patch(REMOTE, f"configmap {root} -n {NAMESPACE}", change)


def _no_webhook(lab: Lab) -> None:
    lab.keep(REMOTE, INJECTOR)
    lab.kubectl(REMOTE, "delete", INJECTOR)


def _not_injected(lab: Lab) -> None:
    """A gateway's pod that was made while there was no webhook."""
    lab.keep(REMOTE, INJECTOR)
    lab.kubectl(REMOTE, "delete", INJECTOR)
    lab.kubectl(REMOTE, "delete", "pod", "-l", "istio=eastwestgateway", "--wait=false")
    selector = ("get", "pods", "-l", "istio=eastwestgateway", "-o", "jsonpath={..image}")
    lab.until(lambda: "auto" in lab.kubectl(REMOTE, *selector).stdout, "the gateway's pod has the image auto")
    lab.restore()


def _pods_do_not_reach_istiod(lab: Lab) -> None:
    """What the remote's pods send to istiod passes their node; what this machine sends does not."""
    lab.drop(REMOTE, 15012)


def _api_server_does_not_reach_the_webhook(lab: Lab) -> None:
    lab.drop(REMOTE, 15017, of_the_node=True)


BREAKAGES = (
    Breakage("the remote has no Service istiod", "D19", REMOTE, _no_service),
    Breakage("the remote's Service istiod is an ExternalName", "D19", REMOTE, _external_name),
    Breakage("the EndpointSlice is missing", "D19", REMOTE, _no_slice),
    Breakage("the gateway's address moved", "D19", REMOTE, _moved_address),
    Breakage("the primary's gateway is scaled away", "D37", PRIMARY, scaled(PRIMARY)),
    Breakage("a firewall drops 15012 only", "D20", PRIMARY,
             lambda lab: lab.drop(PRIMARY, 15012, from_outside=True)),
    Breakage("a firewall drops 15017 only", "D20", PRIMARY,
             lambda lab: lab.drop(PRIMARY, 15017, from_outside=True)),
    Breakage("istiod's Gateway is missing", "D20", PRIMARY, _not_exposed),
    Breakage("istiod's VirtualService is missing", "D20", PRIMARY, _no_virtual_service, way=Way.STACK),
    Breakage("a webhook trusts the root of an earlier mesh", "D21", REMOTE, _stale_bundle),
    Breakage("a namespace keeps the root of an earlier mesh", "D24", REMOTE, _immutable_root),
    Breakage("a pod gets no proxy", "D22", REMOTE, _no_webhook),
    Breakage("only the API server does not reach 15017", "D22", REMOTE, _api_server_does_not_reach_the_webhook),
    Breakage("the remote's gateway is scaled away", "D23", REMOTE, scaled(REMOTE)),
    Breakage("the remote's gateway was not injected", "D23", REMOTE, _not_injected, evidence="auto"),
    Breakage("only the remote's pods do not reach 15012", "D35", REMOTE, _pods_do_not_reach_istiod),
)  # fmt: skip
