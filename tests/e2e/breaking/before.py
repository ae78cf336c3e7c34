"""API servers, names, the CA, load balancers, leftovers."""

import datetime
import json
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.breaking.lab import GATEWAY, ISTIO, PRIMARY, REMOTE, Breakage, Lab, Way
from tests.e2e.environment import runtime

INJECTOR = "mutatingwebhookconfiguration/istio-sidecar-injector"


def path(value: str) -> Callable[[Lab], None]:
    """Have the remote's webhooks call another path."""

    def do(lab: Lab) -> None:
        hooks = lab.keep(REMOTE, INJECTOR)["webhooks"]
        lab.patch(REMOTE, INJECTOR, [{"op": "replace", "path": f"/webhooks/{index}/clientConfig/service/path",
                                      "value": value} for index in range(len(hooks))], "json")  # fmt: skip

    return do


def _old_webhook(lab: Lab) -> None:
    hook = {
        "name": "object.sidecar-injector.istio.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"service": {"name": "istiod-old", "namespace": ISTIO, "path": "/inject"}},
        "objectSelector": {"matchLabels": {"tether.test/never": "matches"}},
    }  # fmt: skip
    lab.create(REMOTE, {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istio-sidecar-injector-old"}, "webhooks": [hook],
    })  # fmt: skip


def _istiod_elsewhere(lab: Lab) -> None:
    lab.remove_at_the_end(REMOTE, "service", "istiod", "-n", "default")
    lab.kubectl(REMOTE, "create", "service", "externalname", "istiod", "--external-name", "x.test", "-n", "default")


def authority(common_name: str, days: int, root: tuple[str, str] | None = None) -> tuple[str, str]:
    """A CA: certificate and key, PEM; signed by itself or by a root given in the same form."""
    return _certificate(common_name, days, root)


def server(name: str, days: int) -> tuple[str, str]:
    """Certificate and key, PEM, of a server with a DNS name, signed by itself."""
    return _certificate(name, days, None, x509.DNSName(name))


def workload(identity: str, days: int, root: tuple[str, str]) -> tuple[str, str]:
    """Certificate and key, PEM, of a proxy with a SPIFFE identity."""
    return _certificate("proxy", days, root, x509.UniformResourceIdentifier(identity))


def _certificate(
    common_name: str, days: int, root: tuple[str, str] | None, identity: x509.GeneralName | None = None
) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer, signer = name, key
    if root:
        issuer = x509.load_pem_x509_certificate(root[0].encode()).subject
        loaded = serialization.load_pem_private_key(root[1].encode(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer = loaded
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=days)
    is_authority = identity is None
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=is_authority, crl_sign=is_authority, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(min(now, end) - datetime.timedelta(days=1))
        .not_valid_after(end).add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )  # fmt: skip
    if identity is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([identity]), critical=True)
    certificate = builder.sign(signer, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


def _ca(days: int) -> Callable[[Lab], None]:
    def do(lab: Lab) -> None:
        certificate, key = authority("Another root", days)
        _cacerts(lab, certificate, key, certificate)

    return do


def _cacerts(lab: Lab, certificate: str, key: str, root: str) -> None:
    lab.keep(PRIMARY, "secret cacerts")
    content = {"ca-cert.pem": certificate, "ca-key.pem": key, "root-cert.pem": root,
               "cert-chain.pem": certificate if certificate == root else certificate + root}  # fmt: skip
    lab.patch(PRIMARY, "secret cacerts", {"stringData": content})


def _ca_that_ends_soon(lab: Lab) -> None:
    ran = lab.environment.pulumi("stack", "export", "--show-secrets")
    resources: list[dict[str, Any]] = json.loads(ran.stdout)["deployment"]["resources"]
    chain = next(one["outputs"] for one in resources if one["type"] == "tether:index:CertificateChain")
    root, key = str(chain["rootCertificate"]), str(json.loads(chain["rootKey"]["plaintext"]))
    certificate, own = authority("Intermediate that ends soon", 10, (root, key))
    _cacerts(lab, certificate, own, root)


def _no_names(lab: Lab) -> None:
    """No pod of CoreDNS in the remote; what runs there goes on."""
    where = ("-n", "kube-system")
    lab.at_the_end(lambda: _scale(lab, REMOTE, "coredns", *where))
    lab.kubectl(REMOTE, *where, "scale", "deployment/coredns", "--replicas", "0")
    lab.kubectl(REMOTE, *where, "wait", "--for=delete", "pod", "-l", "k8s-app=kube-dns", "--timeout", "60s")


def _no_istiod(lab: Lab) -> None:
    lab.at_the_end(lambda: _scale(lab, PRIMARY, "istiod"))
    lab.kubectl(PRIMARY, "scale", "deployment/istiod", "--replicas", "0")


def _scale(lab: Lab, cluster: str, deployment: str, *where: str) -> bool:
    """Have one replica; whether there was none."""
    if lab.read(cluster, " ".join(["deployment", deployment, *where]))["spec"]["replicas"] == 1:
        return False
    lab.kubectl(cluster, *where, "scale", f"deployment/{deployment}", "--replicas", "1")
    return True


def _paused_istiod(lab: Lab) -> None:
    node = lab.node(PRIMARY)
    lab.at_the_end(lambda: (runtime("exec", node, "sh", "-c", "pkill -CONT pilot-discovery || true"), False)[1])
    runtime("exec", node, "pkill", "-STOP", "pilot-discovery")


def _no_room(lab: Lab) -> None:
    """A new istiod that asks for more than there is, beside the one that runs."""
    lab.keep(PRIMARY, "deployment istiod")
    greedy = {"name": "discovery", "resources": {"requests": {"cpu": "1000"}}}
    lab.patch(PRIMARY, "deployment istiod", {"spec": {"template": {"spec": {"containers": [greedy]}}}}, "strategic")


def scaled(cluster: str) -> Callable[[Lab], None]:
    """Have no pod of a cluster's east-west gateway."""

    def do(lab: Lab) -> None:
        lab.at_the_end(lambda: _scale(lab, cluster, GATEWAY))
        lab.kubectl(cluster, "scale", f"deployment/{GATEWAY}", "--replicas", "0")

    return do


def _gateway_without_label(lab: Lab) -> None:
    lab.keep(REMOTE, f"service {GATEWAY}")
    lab.kubectl(REMOTE, "label", "service", GATEWAY, "topology.istio.io/network-")


def _gateway_without_service(lab: Lab) -> None:
    lab.keep(REMOTE, f"service {GATEWAY}")
    lab.kubectl(REMOTE, "delete", "service", GATEWAY)


def _impossible_address(lab: Lab) -> None:
    lab.keep(REMOTE, f"service {GATEWAY}")
    lab.kubectl(REMOTE, "annotate", "service", GATEWAY, "metallb.io/loadBalancerIPs=10.0.0.1", "--overwrite")


def _node_of_gke(lab: Lab) -> None:
    """A node without a kubelet, from which MetalLB would otherwise, by the hash of its name, announce the gateway."""
    labels = {"kubernetes.io/hostname": "gke-node", "node.kubernetes.io/exclude-from-external-load-balancers": ""}
    lab.remove_at_the_end(REMOTE, "endpoints", "istiod")
    lab.create(REMOTE, {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "gke-node", "labels": labels},
        "spec": {"providerID": "gce://project/europe-west1-b/gke-node", "unschedulable": True},
    })  # fmt: skip


def _host_name(lab: Lab) -> None:
    """What an AWS load balancer answers; MetalLB, which would put its address back, is scaled away."""
    where = ("-n", "metallb-system")

    def metallb(replicas: int) -> None:
        lab.kubectl(PRIMARY, *where, "scale", "deployment/metallb-controller", "--replicas", str(replicas))

    def answer(ingress: dict[str, str]) -> None:
        status = {"status": {"loadBalancer": {"ingress": [ingress]}}}
        lab.kubectl(PRIMARY, "patch", "service", GATEWAY, "--subresource", "status", "--type", "merge", "-p",
                    json.dumps(status))  # fmt: skip

    found = lab.read(PRIMARY, f"service {GATEWAY}")["status"]["loadBalancer"]["ingress"][0]
    lab.keep(REMOTE, "endpointslice istiod")
    lab.at_the_end(lambda: metallb(1))
    lab.at_the_end(lambda: answer({"ip": found["ip"]}))
    metallb(0)
    lab.kubectl(PRIMARY, *where, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/component=controller",
                "--timeout", "60s")  # fmt: skip
    lab.kubectl(REMOTE, "delete", "endpointslice", "istiod")
    # A name that istiod can resolve, so that it goes on knowing the gateway, as it does on AWS.
    answer({"hostname": f"{GATEWAY}.{ISTIO}.svc.cluster.local"})


def _no_api_server(lab: Lab) -> None:
    lab.drop(REMOTE, 6443)


BREAKAGES = (
    Breakage("the remote's API server does not answer", "D01", REMOTE, _no_api_server, mends=False),
    Breakage("CoreDNS is scaled away", "D42", REMOTE, _no_names, cause="scaled to nothing"),
    Breakage("two clusters have one ID", "D03", PRIMARY, path("/inject/cluster/cluster1/net/network2")),
    Breakage("istiod has a Service in another namespace", "D04", REMOTE, _istiod_elsewhere),
    Breakage("istiod is scaled away", "D32", PRIMARY, _no_istiod),
    Breakage("istiod is paused", "D32", PRIMARY, _paused_istiod),
    Breakage("there is no room for a new istiod", "D41", PRIMARY, _no_room, cause="both need what they ask for"),
    Breakage("the CA has ended", "D06", PRIMARY, _ca(-1), way=Way.STACK),
    Breakage("the CA is another than the one in use", "D06", PRIMARY, _ca(365), mends=False),
    Breakage("the CA ends soon", "D33", PRIMARY, _ca_that_ends_soon, mends=False),
    Breakage("the gateway's Service lost its label", "D07", REMOTE, _gateway_without_label),
    Breakage("the gateway's Service was deleted", "D07", REMOTE, _gateway_without_service),
    Breakage("the load balancer cannot give the address", "D07", REMOTE, _impossible_address, evidence="event"),
    Breakage("a webhook of an old istiod is left", "D08", REMOTE, _old_webhook),
    Breakage("GKE's API server finds no Endpoints", "D09", REMOTE, _node_of_gke),
    Breakage("the gateway has a host name only", "D10", REMOTE, _host_name, mends=False),
)  # fmt: skip
