"""What Istio's tests expect of the installation beyond its topology.

Istio's own runs install the mesh with these values (tests/integration/base.yaml,
iop-integration-test-defaults.yaml and security/main_test.go); here they are laid over the mesh that is there.
Pure functions.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import yaml

from tether import topology

SMALL = {"cpu": "10m", "memory": "40Mi"}
"""Requests of every proxy: two dozen echo pods must fit on one small node."""
ISTIOD_ENVIRONMENT: Mapping[str, str] = {
    "ENABLE_EXTERNAL_NAME_ALIAS": "true",
    "UNSAFE_ENABLE_ADMIN_ENDPOINTS": "true",
    "PILOT_REMOTE_CLUSTER_TIMEOUT": "15s",
    "PILOT_ENABLE_ALPHA_GATEWAY_API": "true",
    "PILOT_JWT_ENABLE_REMOTE_JWKS": "true",
    "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS": "true",
}
MESH_CONFIG: Mapping[str, Any] = {
    "defaultHttpRetryPolicy": {},
    "accessLogFile": "/dev/stdout",
    "defaultConfig": {
        "proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"},
        "gatewayTopology": {"numTrustedProxies": 1},
    },
}

INGRESS_PORTS: Mapping[str, int] = {"tls": 15443, "tcp": 31400}
EGRESS_GATEWAY = "istio-egressgateway"
EGRESS_VALUES: Mapping[str, Any] = {
    "name": EGRESS_GATEWAY,
    "service": {"type": "ClusterIP"},
    "autoscaling": {"enabled": False},
    # The pod's image is `auto`, for which the API server would otherwise pull always.
    "imagePullPolicy": "IfNotPresent",
}
"""Values of chart ``gateway``: Istio's own runs have an egress gateway in every cluster; a mesh needs none."""
GATEWAYS = (topology.EAST_WEST_GATEWAY, topology.INGRESS_GATEWAY, EGRESS_GATEWAY)


def mesh_config(written: str) -> str:
    """The mesh configuration (YAML of ConfigMap ``istio``, key ``mesh``) with the tests' values laid over it."""
    return yaml.safe_dump(merged(cast("dict[str, Any]", yaml.safe_load(written) or {}), MESH_CONFIG))


def injector_values(written: str) -> str:
    """The injector's values (JSON of ConfigMap ``istio-sidecar-injector``, key ``values``) with small requests."""
    over = {"global": {"proxy": {"resources": {"requests": SMALL}}}}
    return json.dumps(merged(json.loads(written), over))


def istiod_patch() -> dict[str, Any]:
    """Strategic merge patch of istiod's Deployment."""
    environment = [{"name": name, "value": value} for name, value in ISTIOD_ENVIRONMENT.items()]
    container = {"name": "discovery", "env": environment, "resources": {"requests": SMALL}}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def gateway_patch() -> dict[str, Any]:
    """Strategic merge patch of a gateway's Deployment."""
    container = {"name": "istio-proxy", "resources": {"requests": SMALL}}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def ingress_service_patch() -> dict[str, Any]:
    """Strategic merge patch of the ingress gateway's Service: the further ports that tests use."""
    ports = [
        {"name": name, "port": port, "targetPort": port, "protocol": "TCP"} for name, port in INGRESS_PORTS.items()
    ]
    return {"spec": {"ports": ports}}


def topology_file(primary: str, networks: Mapping[str, str]) -> str:
    """What the tests' flag ``--istio.test.kube.topology`` wants to read.

    Args:
        primary: name of the cluster that runs istiod.
        networks: network by name of cluster, in the order of the kubeconfigs.
    """
    return json.dumps(
        [
            {"kind": "Kubernetes", "clusterName": name, "network": network}
            | ({} if name == primary else {"primaryClusterName": primary})
            for name, network in networks.items()
        ],
        indent=2,
    )


def hosts_file(machine: str, addresses: Mapping[str, str]) -> str:
    """A hosts file in which the nodes' names resolve as well; ``machine`` is what the machine's own says."""
    lines = [f"{address}\t{host}" for host, address in addresses.items()]
    return "\n".join([machine.rstrip("\n"), *lines, ""])


def node_of(api_server: str) -> str:
    """The node's name in the URL under which other clusters reach an API server."""
    return api_server.removeprefix("https://").partition(":")[0]


def merged(below: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested mappings as one; where both say something, ``over`` holds."""
    result = dict(below)
    for key, value in over.items():
        inner = result.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        result[key] = merged(cast("dict[str, Any]", inner), cast("dict[str, Any]", value)) if both else value
    return result
