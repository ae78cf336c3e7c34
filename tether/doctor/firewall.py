"""Commands that let a port through, in the words of whoever owns the nodes."""

import shlex
from collections.abc import Sequence
from urllib.parse import urlsplit

from tether.doctor.view import ClusterView

_SOURCES = '"${SOURCES:?range of addresses that may connect, for example 203.0.113.0/24}"'


def let_through(clusters: Sequence[ClusterView], ports: Sequence[int], *, why: str) -> str:
    """Commands for the nodes of every given cluster; a comment where nobody knows whose they are.

    Args:
        clusters: those whose nodes the packets pass.
        ports: TCP.
        why: what the ports are for, printed above the commands.
    """
    listed = ", ".join(map(str, ports))
    commands = [command for cluster in clusters for command in _commands(cluster, ports)]
    return "\n".join([f"# let TCP {listed} through: {why}", *commands])


def _commands(cluster: ClusterView, ports: Sequence[int]) -> list[str]:
    places = [str(node["spec"].get("providerID") or "") for node in cluster.glimpse("/api/v1/nodes")]
    local = [command for place in places if place.startswith("kind://") for command in _kind(place, ports)]
    first = next(iter(places), "")
    cloud = {"gce": _gce, "aws": _aws, "azure": _azure}.get(first.partition(":")[0])
    return local or ([cloud(first, ports)] if cloud else [])


def _kind(place: str, ports: Sequence[int]) -> list[str]:
    """Delete every rule that drops the ports on a node in a container (``kind://RUNTIME/CLUSTER/NODE``)."""
    runtime, (_, _, node) = urlsplit(place).netloc, urlsplit(place).path.split("/")
    wanted = "|".join(map(str, ports))
    script = (
        "for table in raw mangle filter nat; do "
        f'iptables -t $table -S | grep -E -- "--dport ({wanted}) .*-j (DROP|REJECT)" | sed "s/^-A/-D/" '
        "| while read -r rule; do iptables -t $table $rule; done; done"
    )
    return [f"{runtime} exec {node} sh -c {shlex.quote(script)}"]


def _gce(place: str, ports: Sequence[int]) -> str:
    """``gce://PROJECT/ZONE/INSTANCE``."""
    parts = urlsplit(place)
    zone, instance = parts.path.strip("/").split("/")[:2]
    network = (
        f"gcloud compute instances describe {instance} --project {parts.netloc} --zone {zone} "
        "--format 'value(networkInterfaces[0].network)'"
    )
    allow = ",".join(f"tcp:{port}" for port in ports)
    return (
        f"gcloud compute firewall-rules create tether-{'-'.join(map(str, ports))} --project {parts.netloc} "
        f'--network "$({network})" --allow {allow} --source-ranges {_SOURCES}'
    )


def _aws(place: str, ports: Sequence[int]) -> str:
    """``aws:///ZONE/INSTANCE``; a region is its zone without the letter."""
    zone, instance = urlsplit(place).path.strip("/").split("/")[:2]
    region = zone.rstrip("abcdef")
    group = (
        f"aws ec2 describe-instances --region {region} --instance-ids {instance} "
        "--query 'Reservations[0].Instances[0].SecurityGroups[0].GroupId' --output text"
    )
    return "\n".join(
        f'aws ec2 authorize-security-group-ingress --region {region} --group-id "$({group})" --protocol tcp '
        f"--port {port} --cidr {_SOURCES}"
        for port in ports
    )


def _azure(place: str, ports: Sequence[int]) -> str:
    """``azure:///subscriptions/ID/resourceGroups/GROUP/providers/…``."""
    parts = urlsplit(place).path.strip("/").split("/")
    subscription, group = parts[1], parts[3]
    where = f"--subscription {subscription} --resource-group {group}"
    return (
        f"az network nsg rule create {where} --nsg-name \"$(az network nsg list {where} --query '[0].name' -o tsv)\" "
        f"--name tether-{'-'.join(map(str, ports))} --priority 300 --access Allow --protocol Tcp "
        f"--destination-port-ranges {' '.join(map(str, ports))} --source-address-prefixes {_SOURCES}"
    )
