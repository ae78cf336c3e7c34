"""The exchanges of a first authentication, each played for real, in the order in which a new proxy has them."""

import datetime
import secrets
from concurrent.futures import ThreadPoolExecutor

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tether import mesh_probe, self_review, service_account_token, topology
from tether.doctor import certificates, handshake, objects
from tether.doctor.handshake import Outcome as Reached
from tether.errors import count
from tether.kube import KubeError
from tether.topology import WEBHOOK_PORT, XDS_PORT
from tether.trace import istiod, judgement, messages
from tether.trace.record import Actor, Outcome, Step, Verdict
from tether.trace.stage import Seen, Stage, no_way, play_step, refused, seen, skipped

TOKEN_SECONDS = 600
"""The shortest life that the TokenRequest API grants."""
CERTIFICATE_SECONDS = 600
_YOURS = "your kubeconfig"
_WAY_SECONDS = 8.0
"""To find a way to the gateway: on a machine that is busy, its load balancer answers late for the first time."""
_SILENT = (Reached.NO_ROUTE, Reached.TIMED_OUT)


def bearings(stage: Stage) -> Step:
    """Read what Kubernetes gives to a proxy: the root to trust, and the way to istiod."""
    namespace, system = stage.part.namespace, stage.view.namespace
    service = stage.view.revision.istiod
    config_map = topology.ROOT_CERTIFICATE_CONFIG_MAP

    def exchange() -> Seen:
        try:
            stage.learned.root = objects.root_of(stage.remote, namespace)
            slices = objects.istiod_slices(stage.remote)
            found = sorted({*objects.sliced(slices)})
            mesh_root = objects.mesh_root(stage.view)
        except KubeError as error:
            return refused(str(error), "the API server")
        stage.learned.address = stage.part.address or (found[0] if found else "")
        if not stage.part.address:
            # An address of the user's own is another way to the gateway's own ports, a port-forward say.
            stage.learned.ports = {port: objects.sliced_port(slices, port) for port in (XDS_PORT, WEBHOOK_PORT)}
        if not certificates.parse(stage.learned.root):
            return refused(f"there is no ConfigMap {config_map} with a root in namespace {namespace}", "the API server")
        if not stage.learned.address:
            return refused(f"Service {service} in {system} has no EndpointSlice, so it leads nowhere", "the API server")
        same = stage.learned.root.strip() == mesh_root.strip()
        wanted = objects.gateway_ips(stage.view.primary)
        verdicts = [
            Verdict(what="root is the mesh's", ok=same, detail=certificates.fingerprints(stage.learned.root)),
            Verdict(what=f"Service {service} leads to the gateway",
                    ok=not found or wanted is None or bool({*found} & {*wanted}), detail=", ".join(found) or "nowhere"),
        ]  # fmt: skip
        return seen(f"the root, and istiod at {stage.learned.address}", verdicts)

    return play_step(
        stage, exchange, id="bearings", title="Root, and the way to istiod", source=Actor.PROXY,
        target=Actor.API_SERVER, call=f"GET configmap {namespace}/{config_map}, endpointslices of {system}/{service}",
        credential=_YOURS, identity=username(stage),
    )  # fmt: skip


def username(stage: Stage) -> str:
    """Who this machine's user is to the remote's API server; empty where it does not say."""
    try:
        return stage.remote.facts.once("username", lambda: self_review.username(stage.remote.api))
    except KubeError:
        return ""


def look_for_a_way(stage: Stage) -> bool:
    """Whether something answers this machine at the gateway's address, on either of istiod's ports."""
    if not stage.learned.address:
        return False
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(handshake.connect, stage.learned.address, port, _WAY_SECONDS)
            for port in (stage.xds_port, stage.webhook_port)
        ]
        found = [one.result() for one in asked]
    return not all(one.outcome in _SILENT for one in found)


def admission(stage: Stage) -> Step:
    """Have the API server create a pod as a dry run: it calls the webhook, through its own Service istiod."""
    namespace = stage.part.namespace

    def exchange() -> Seen:
        try:
            found = mesh_probe.injected_environment(stage.remote.api, namespace, stage.view.revision)
        except KubeError as error:
            return refused(str(error), "the API server")
        if found is None:
            return refused("the pod came back without a proxy: no webhook of Istio's matches it", "the API server")
        verdicts = _told(stage, found)
        stage.learned.cluster_id = found.get("ISTIO_META_CLUSTER_ID") or stage.learned.cluster_id
        stage.learned.network = found.get("ISTIO_META_NETWORK") or stage.learned.network
        if not stage.view.mesh.blueprint.stack:
            stage.learned.trust_domain = found.get("TRUST_DOMAIN") or stage.learned.trust_domain
        return seen(f"a pod with a proxy of {stage.learned.cluster_id} on {stage.learned.network}", verdicts)

    return play_step(
        stage, exchange, id="admission", title="Create a pod (dry run)", source=Actor.PROXY, target=Actor.API_SERVER,
        call=f"POST pods in {namespace}, dryRun=All", credential=_YOURS, identity=username(stage),
    )  # fmt: skip


def _told(stage: Stage, found: dict[str, str]) -> tuple[Verdict, ...]:
    # Of a mesh that is not a stack's, nobody said which trust domain it is meant to have.
    trust_domain = stage.learned.trust_domain if stage.view.mesh.blueprint.stack else ""
    return judgement.of_environment(
        found, cluster_id=objects.cluster_id(stage.remote), network=stage.learned.network,
        istiod=f"{stage.host}:{XDS_PORT}", trust_domain=trust_domain,
    )  # fmt: skip


def injection(stage: Stage) -> Step:
    """Ask the webhook through the gateway, as the remote's API server does."""
    hook = _injector(stage)
    path = hook.path if hook else ""

    def exchange() -> Seen:
        if not hook or not stage.learned.address:
            return skipped("no webhook of Istio's is there" if not hook else "istiod has no address")
        if stage.learned.is_out_of_reach:
            return no_way(stage, stage.webhook_port)
        endpoint = istiod.Endpoint(
            address=stage.learned.address,
            port=stage.webhook_port,
            host=stage.host,
            root=hook.bundle or stage.learned.root,
        )
        try:
            pod = mesh_probe.probe_pod(stage.view.revision)
            answer = istiod.review(endpoint, path, stage.part.namespace, pod)
        except istiod.CallError as error:
            return refused(str(error), "the webhook")
        found = judgement.patched_environment(str(answer.get("patch") or ""))
        if not answer.get("allowed") or found is None:
            return refused(str(answer.get("status") or "the patch adds no proxy"), "the webhook")
        trusted = Verdict(
            what="trusted by the webhook's CA bundle", ok=True, detail=certificates.fingerprints(hook.bundle)
        )
        return seen("allowed, with a patch that adds the proxy", (trusted, *_told(stage, found)))

    return play_step(
        stage, exchange, id="injection", title="Inject a pod", source=Actor.PROXY, target=Actor.ISTIOD,
        via=Actor.GATEWAY, address=stage.learned.address, port=stage.webhook_port, server_name=stage.host,
        call=f"POST {path}", credential="none, istiod serves every API server",
        identity=f"the API server of {stage.remote.name}",
    )  # fmt: skip


def _injector(stage: Stage) -> objects.Webhook | None:
    try:
        return next(iter(objects.injectors(stage.remote)), None)
    except KubeError:
        return None


def token(stage: Stage) -> Step:
    """Get a token for the service account, as the kubelet does for a pod."""
    namespace, account = stage.part.namespace, stage.part.service_account
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    body = {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"audiences": [stage.part.audience], "expirationSeconds": TOKEN_SECONDS},
    }  # fmt: skip

    def exchange() -> Seen:
        try:
            answer = stage.remote.api.create(path, body)
        except KubeError as error:
            return refused(str(error), "the API server")
        stage.learned.token = str(answer["status"]["token"])
        return _shown(stage, stage.learned.token)

    def given() -> Seen:
        stage.learned.token = stage.part.token or ""
        return _shown(stage, stage.learned.token)

    if stage.part.token is not None:
        return play_step(stage, given, id="token", title="Take the token that was given", source=Actor.PROXY,
                         target=Actor.PROXY)  # fmt: skip
    return play_step(
        stage, exchange, id="token", title=f"Token for {namespace}/{account}", source=Actor.PROXY,
        target=Actor.API_SERVER, call=f"TokenRequest, audience {stage.part.audience}, {TOKEN_SECONDS // 60} min",
        credential=_YOURS, identity=username(stage),
    )  # fmt: skip


def _shown(stage: Stage, value: str) -> Seen:
    found = service_account_token.claims(value)
    if not value:
        return refused("there is no token: calls go out without the header authorization", "what was checked")
    if found is None:
        return refused("it is no JSON web token", "what was checked")
    now = datetime.datetime.now(datetime.UTC)
    return seen(
        f"a token for audience {', '.join(found.audiences) or 'none'}",
        judgement.of_token(found, stage.subject, stage.audiences, now),
    )


def greeting(stage: Stage) -> Step:
    """Open a TLS connection to istiod through the gateway."""
    own = _own_chain(stage)

    def exchange() -> Seen:
        if missing := _missing(stage, with_token=False):
            return skipped(missing)
        if stage.learned.is_out_of_reach:
            return no_way(stage, stage.xds_port)
        found = handshake.greet(
            stage.learned.address, stage.xds_port, stage.host, stage.learned.root, client=stage.part.client_certificate
        )
        now = datetime.datetime.now(datetime.UTC)
        if found.outcome is Reached.NOT_TAKEN:
            return refused(found.seen, "istiod", verdicts=judgement.of_client(own, stage.learned.root, now))
        if found.outcome is not Reached.OK:
            return refused(found.seen, "this machine")
        leaf = x509.load_der_x509_certificate(found.chain[0])
        return seen(
            "a certificate that proves it to be istiod", judgement.of_server(leaf, stage.host, stage.learned.root, now)
        )

    return play_step(
        stage, exchange, id="handshake", title="TLS handshake", credential=_certificate_shown(own),
        call="ALPN h2", **_to_istiod(stage),
    )  # fmt: skip


def _own_chain(stage: Stage) -> list[x509.Certificate]:
    """The certificate to show, leaf first; empty where there is none, as with a proxy that is new."""
    file = stage.part.client_certificate
    return certificates.parse(file.read_text()) if file else []


def _certificate_shown(chain: list[x509.Certificate]) -> str:
    if not chain:
        return "none"
    return f"certificate of {next(iter(certificates.uris(chain[0])), 'nobody')}"


def _to_istiod(stage: Stage) -> dict[str, object]:
    return {
        "source": Actor.PROXY, "target": Actor.ISTIOD, "via": Actor.GATEWAY, "address": stage.learned.address,
        "port": stage.xds_port, "server_name": stage.host,
    }  # fmt: skip


def _missing(stage: Stage, *, with_token: bool = True) -> str:
    """Why istiod cannot be called; empty where it can."""
    if not stage.learned.address:
        return "istiod has no address"
    if not stage.learned.root:
        return "there is no root to trust"
    return "there is no token" if with_token and stage.learned.token is None else ""


def certificate(stage: Stage, greeted: Step) -> Step:
    """Send a certificate request with the token and the cluster ID."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(stage.identity)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(name, critical=False)
    pem = csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def exchange() -> Seen:
        if why := _unready(stage, greeted):
            return skipped(why)
        try:
            with stage.channel() as channel:
                answer = channel.sign(pem, CERTIFICATE_SECONDS)
        except istiod.CallError as error:
            return refused(str(error), "istiod's answer", str(error))
        chain = [certificate for part in answer for certificate in certificates.parse(part)]
        if len(chain) < 2:
            return refused(f"the answer holds {count(len(chain), 'certificate')}", "istiod's answer")
        verdicts = judgement.of_chain(
            chain, root=stage.learned.root, identity=stage.identity, public_key=public,
            now=datetime.datetime.now(datetime.UTC),
        )  # fmt: skip
        return seen(f"a chain of {count(len(chain), 'certificate')}, leaf to root", verdicts)

    return play_step(
        stage, exchange, id="certificate", title="Sign my certificate request",
        call=f"gRPC {messages.CREATE_CERTIFICATE[1:]}", **_to_istiod(stage), **_shows(stage),
    )  # fmt: skip


def _unready(stage: Stage, greeted: Step) -> str:
    if greeted.outcome in (Outcome.FAILED, Outcome.NO_WAY, Outcome.SKIPPED):
        return "istiod was not reached"
    return _missing(stage)


def _shows(stage: Stage) -> dict[str, str]:
    """Credential and identity of calls to istiod."""
    claimed = f"in cluster {stage.learned.cluster_id}"
    if not stage.learned.token:
        return {"credential": "none", "identity": f"unknown, {claimed}"}
    found = service_account_token.claims(stage.learned.token)
    subject = found.subject if found else "unknown"
    audience = ", ".join(found.audiences) if found else "none"
    first = "its certificate, and " if stage.part.client_certificate else ""
    return {
        "credential": f"{first}service-account token, audience {audience}",
        "identity": f"{subject}, {claimed}",
    }


def discovery(stage: Stage, greeted: Step) -> Step:
    """Open a discovery stream with the same token and take the first response."""
    namespace = stage.part.namespace
    node = f"router~127.0.0.1~tether-trace-{secrets.token_hex(4)}.{namespace}~{namespace}.svc.cluster.local"
    metadata = {
        "NAMESPACE": namespace, "SERVICE_ACCOUNT": stage.part.service_account,
        "CLUSTER_ID": stage.learned.cluster_id, "NETWORK": stage.learned.network,
    }  # fmt: skip

    def exchange() -> Seen:
        if why := _unready(stage, greeted):
            return skipped(why)
        try:
            with stage.channel() as channel:
                found = channel.discover(node, metadata)
        except istiod.CallError as error:
            return refused(str(error), "istiod's answer", str(error))
        outbound = sum(name.startswith("outbound|") for name in found)
        verdicts = [Verdict(what="first response", ok=bool(found), detail=f"{outbound} of them lead to services")]
        return seen(f"{count(len(found), 'cluster')} for its Envoy", verdicts)

    return play_step(
        stage, exchange, id="discovery", title="Send me my configuration",
        call=f"gRPC {messages.DELTA_RESOURCES[1:].replace('.AggregatedDiscoveryService', '')}", **_to_istiod(stage),
        **_shows(stage),
    )  # fmt: skip
