"""Whether the primary's istiod can read each remote: the remote secret and what follows from it."""

import ipaddress
from urllib.parse import urlsplit

from tether import istiod_endpoints, kube, metadata
from tether.addresses import with_port
from tether.doctor import before, credential, fixes, istiod, objects
from tether.doctor.check import Answer, Check, Family, Scope, ok, wrong
from tether.doctor.handshake import Outcome
from tether.doctor.objects import REMOTE_SECRET_LABEL
from tether.doctor.view import ClusterView, MeshView


def _secret(view: MeshView, remote: ClusterView) -> Answer:
    expected = objects.cluster_id(remote)
    found = objects.secret_of(view, remote)
    if found:
        secret, key, _ = found
        if len(secret.keys) > 1:
            spare = next(other for other in secret.keys if other != expected)
            return wrong(
                f"Secret {secret.name} has the keys {', '.join(secret.keys)}; istiod takes each for a cluster",
                fix=fixes.in_system(
                    view.primary,
                    f'patch secret {secret.name} --type json -p \'[{{"op":"remove","path":"/data/{spare}"}}]\'',
                ),
            )
        return ok(f"Secret {secret.name} with key {key}")
    return _why_no_secret(view, remote, expected)


def _why_no_secret(view: MeshView, remote: ClusterView, expected: str) -> Answer:
    meant = [secret for secret in objects.remote_secrets(view.primary)
             if expected in secret.keys or secret.name == f"istio-remote-secret-{expected}"]  # fmt: skip
    for secret in meant:
        if secret.namespace != view.namespace:
            move = fixes.kubectl(
                view.primary,
                f"-n {secret.namespace} get secret {secret.name} -o json"
                f' | sed \'s/"namespace": "{secret.namespace}"/"namespace": "{view.namespace}"/\''
                f" | {view.primary.cluster.member.kubectl} create -f -",
            )
            return wrong(
                f"Secret {secret.name} lies in {secret.namespace}; istiod watches {view.namespace} only",
                fix=move + "\n" + fixes.kubectl(view.primary, f"-n {secret.namespace} delete secret {secret.name}"),
            )
        return wrong(
            f"Secret {secret.name} has no label {REMOTE_SECRET_LABEL}=true, so istiod does not see it",
            fix=fixes.in_system(view.primary, f"label secret {secret.name} {REMOTE_SECRET_LABEL}=true --overwrite"),
        )
    return wrong(
        f"no Secret in {view.namespace} of {view.primary.name} holds a kubeconfig of {remote.name}",
        fix=fixes.rebuild(view, _new_secret(view, remote, expected)),
    )


def _new_secret(view: MeshView, remote: ClusterView, expected: str) -> str:
    where = remote.cluster.member.kubectl.removeprefix("kubectl ")
    return (
        f"istioctl create-remote-secret --name {expected or remote.name} -n {view.namespace} {where}"
        f"{_server_option(remote)} | {view.primary.cluster.member.kubectl} apply -f -"
    )


def _server_option(remote: ClusterView) -> str:
    """The API server's own address, where the user's kubeconfig has one that only this machine knows."""
    host = urlsplit(kube.server_of(remote.cluster.member.kubeconfig)).hostname or ""
    if not _is_loopback(host):
        return ""
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    for item in remote.glimpse(path, {"labelSelector": f"{istiod_endpoints.SERVICE_LABEL}=kubernetes"}):
        for endpoint in metadata.listed(item, "endpoints"):
            address = str(endpoint["addresses"][0])
            return f" --server https://{with_port(address, item['ports'][0]['port'])}"
    return ""


def _kubeconfig(view: MeshView, remote: ClusterView) -> Answer:
    secret, key, content = objects.known_secret_of(view, remote)
    found = objects.credential(content)
    mend = fixes.rebuild(view, _new_secret(view, remote, objects.cluster_id(remote)))
    if found is None:
        return wrong(f"key {key} of Secret {secret.name} holds no usable kubeconfig", fix=mend)
    if found.refused:
        return wrong(
            f"the kubeconfig in {secret.name} uses {', '.join(found.refused)}, which istiod refuses",
            cause="it was copied from a user's kubeconfig; istiod takes inline tokens and CA data only",
            fix=mend,
        )
    server = urlsplit(found.server)
    if server.scheme != "https":
        return wrong(f"the API server in {secret.name} is {found.server}, not an https address", fix=mend)
    if _is_loopback(server.hostname or ""):
        return wrong(
            f"the API server in {secret.name} is {found.server}: for istiod's pod that is itself",
            cause="the address is that of this machine's kubeconfig (istio/istio#31081); istiod needs one that pods "
            "of the primary reach",
            fix=mend,
        )
    if secret.has_own_authority:
        return ok(f"{found.server}, with the CA that was chosen for it")
    if found.authority.strip() != objects.api_authority(remote):
        return wrong(
            f"the CA in {secret.name} is not the one of {remote.name}'s API server",
            cause="the kubeconfig is of another cluster or goes through a proxy (istio/istio#51376)",
            fix=mend,
        )
    return ok(f"{found.server}, CA of {remote.name}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(view: MeshView, remote: ClusterView) -> Answer:
    secret, key, _ = objects.known_secret_of(view, remote)
    told, planned = objects.injected_identity(remote)[0], remote.cluster.member.cluster_id
    if told and planned and told != planned:
        return wrong(
            f"proxies of {remote.name} are told that they are in cluster {told}, but it is meant to be {planned}",
            cause="the webhook's path is wrong (istiodRemote.injectionPath)",
            fix=before.repath(view, remote),
        )
    expected = told or planned
    if not expected:
        return ok(f"key {key}; neither a webhook nor a plan says otherwise")
    if key != expected:
        one = view.primary.cluster.member.kubectl
        rename = (
            f'{one} -n {view.namespace} get secret {secret.name} -o json | sed \'s/"{key}":/"{expected}":/\''
            f" | {one} replace --force -f -"
        )
        return wrong(
            f"the key of Secret {secret.name} is {key}, but proxies of {remote.name} say that they are in cluster "
            f"{expected}",
            cause="create-remote-secret was called with another --name",
            fix=rename,
        )
    return ok(f"key, webhook path and plan say {expected}")


def _network(view: MeshView, cluster: ClusterView) -> Answer:
    expected = before.network_of(cluster)
    label = objects.namespace_network(cluster)
    said = {f"the label of namespace {view.namespace}": label}
    if not cluster.is_primary and objects.injectors(cluster):
        said["the webhook's path"] = objects.injected_identity(cluster)[1]
    for service in objects.gateways(cluster):
        said[f"Service {service['metadata']['name']}"] = service["metadata"]["labels"][objects.NETWORK_LABEL]
    different = {where: network for where, network in said.items() if network != expected}
    if not different:
        return ok(f"namespace, webhook and gateway say {expected}")
    commands = [
        fixes.kubectl(cluster, f"label namespace {view.namespace} {objects.NETWORK_LABEL}={expected} --overwrite")
    ]
    commands += [
        fixes.kubectl(cluster, f"-n {service['metadata']['namespace']} label service {service['metadata']['name']} "
                               f"{objects.NETWORK_LABEL}={expected} --overwrite")
        for service in objects.gateways(cluster)
    ]  # fmt: skip
    if said.get("the webhook's path", expected) != expected:
        commands.append(before.repath(view, cluster))
    where, network = next(iter(different.items()))
    return wrong(
        f"{where} says network {network or '(none)'}, not {expected}",
        cause="istiod takes endpoints for those of another network, or for reachable without a gateway",
        fix="\n".join(commands),
    )


def _synced(view: MeshView, remote: ClusterView) -> Answer:
    expected = objects.known_id(view, remote)
    states = istiod.sync_status(view)
    if states.get(expected) == "synced":
        return ok(f"istiod has read all of {expected}")
    if expected not in states:
        return wrong(
            f"istiod knows no cluster {expected}; it knows {', '.join(states)}",
            cause="it refused the remote secret or missed its change (istio/istio#58047); its log says which",
            fix=fixes.restart_istiod(view),
        )
    return wrong(
        f"istiod says {states[expected]} for {expected}",
        cause=_why_unread(view, remote),
        fix=fixes.rebuild(view, _new_secret(view, remote, expected)) + "\n" + fixes.restart_istiod(view),
    )


def _why_unread(view: MeshView, remote: ClusterView) -> str:
    _, _, content = objects.known_secret_of(view, remote)
    if (met := credential.met(content)).outcome in (Outcome.UNTRUSTED, Outcome.WRONG_NAME):
        return f"another than {remote.name}'s API server answers there: {met.seen}"
    return (
        f"istiod's pod does not reach {kube.server_of(content)}: a name that the primary cannot resolve, a firewall, "
        "or an address that changed"
    )


def _duplicates(view: MeshView, primary: ClusterView) -> Answer:
    owners: dict[str, list[str]] = {objects.istiod_variable(primary, "CLUSTER_ID"): ["istiod's own cluster"]}
    for secret in objects.remote_secrets(primary):
        if secret.is_labelled and secret.namespace == view.namespace:
            for key in secret.keys:
                owners.setdefault(key, []).append(f"Secret {secret.name}")
    for identity, names in owners.items():
        if len(names) > 1:
            spare = names[-1].removeprefix("Secret ")
            return wrong(
                f"{' and '.join(names)} both stand for cluster {identity}; istiod takes the first and ignores the rest",
                fix=fixes.in_system(primary, f"delete secret {spare}"),
            )
    return ok(f"{', '.join(owners)}: each once")


CHECKS = (
    Check(
        id="D11", title="There is a remote secret", family=Family.LINK, scope=Scope.REMOTE, needs=("D01", "D03"),
        symptom="istiod's log never says `Adding cluster`; proxies of the remote are Unauthenticated.",
        cause="create-remote-secret was not run, or its output was applied to another cluster or namespace.",
        remedy="Create the Secret with `istioctl create-remote-secret`, or give it back its label "
        "istio/multiCluster=true.",
        probe=_secret,
    ),
    Check(
        id="D12", title="The kubeconfig in it is one that istiod can use", family=Family.LINK, scope=Scope.REMOTE,
        needs=("D11",),
        symptom="istiod logs that the kubeconfig is not allowed, or that the remote fails to sync.",
        cause="A user's kubeconfig was put in by hand.",
        remedy="Write the kubeconfig with `istioctl create-remote-secret`, with an address that the primary's "
        "pods reach.",
        probe=_kubeconfig,
    ),
    *credential.CHECKS,
    Check(
        id="D14", title="Secret, webhook and plan agree on the cluster ID", family=Family.LINK, scope=Scope.REMOTE,
        needs=("D11", "D03"),
        symptom='istiod logs: client claims to be in cluster "…", but we only know about … (istio/istio#52065).',
        cause="The three were written at different times.",
        remedy="Make the Secret's data key, the webhook's path and the plan the same.",
        probe=_key,
    ),
    Check(
        id="D15", title="Everything in a cluster names the same network", family=Family.LINK, scope=Scope.CLUSTER,
        needs=("D01", "D04", "D14"),
        symptom="Requests to the other cluster time out: its pods' own addresses are used (istio/istio#28381).",
        cause="A label was forgotten or copied from the other cluster.",
        remedy="Label namespace and gateway with the one network, and set the webhook's path to it.",
        probe=_network,
    ),
    Check(
        id="D18", title="No two remote secrets stand for one cluster", family=Family.LINK, scope=Scope.MESH,
        needs=("D01", "D32"),
        symptom="istiod logs `cluster has already been registered` or that it would overwrite the config cluster.",
        cause="A second Secret was made under another name.",
        remedy="Delete the Secret that is too many.",
        probe=_duplicates,
    ),
    Check(
        id="D17", title="istiod has read the remote", family=Family.LINK, scope=Scope.REMOTE,
        needs=("D32", "D13", "D14", "D18"),
        symptom="No endpoints of the remote; its proxies are Unauthenticated.",
        cause="istiod's pod does not reach the remote's API server.",
        remedy="Give istiod's pod a way to the remote's API server; restart istiod where it missed a change.",
        probe=_synced,
    ),
)  # fmt: skip
