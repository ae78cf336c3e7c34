"""The resources of Tether's own provider, as classes for Python programs.

The provider itself is a process of its own in ``providers/tether``; these classes
only name types and outputs. Inputs are checked there, where they are used.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi


class _ProviderResource(pulumi.CustomResource):
    """A resource of the provider, with its outputs under Python's names."""

    noun: ClassVar[str]
    """Last part of the type token."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """Python's name of each output: the name on the wire."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Outputs that are secret whatever the provider says."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            f"tether:index:{self.noun}",
            name,
            {**dict.fromkeys(self.outputs.values()), **props},
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions(additional_secret_outputs=list(self.secrets)), opts),
        )
        for python_name, wire_name in self.outputs.items():
            setattr(self, python_name, getattr(self, wire_name))


class ContainerNetwork(_ProviderResource):
    """A container network that one environment has for itself."""

    noun = "ContainerNetwork"
    outputs: ClassVar = {"network_name": "name", "subnet": "subnet", "ipv6_subnet": "ipv6Subnet", "places": "places"}

    network_name: pulumi.Output[str]
    """Name of the network."""
    subnet: pulumi.Output[str]
    """The network's IPv4 subnet as CIDR; containers get the lower half."""
    ipv6_subnet: pulumi.Output[str]
    """The same of IPv6; empty where the network was made without."""
    places: pulumi.Output[dict[str, int]]
    """By cluster: index of its load balancer's address pool."""


class Cluster(_ProviderResource):
    """A kind cluster."""

    noun = "Cluster"
    outputs: ClassVar = {
        "kubeconfig": "kubeconfig",
        "internal_kubeconfig": "internalKubeconfig",
        "api_server": "apiServer",
        "nodes": "nodes",
    }
    secrets = ("kubeconfig", "internalKubeconfig")

    kubeconfig: pulumi.Output[str]
    """Kubeconfig for this machine; secret."""
    internal_kubeconfig: pulumi.Output[str]
    """Kubeconfig for pods of other clusters on the same container network; secret."""
    api_server: pulumi.Output[str]
    """URL of the API server as other clusters' pods reach it."""
    nodes: pulumi.Output[list[dict[str, str]]]
    """The containers: ``name``, ``address`` on the container network, ``id``."""


class _Authority(_ProviderResource):
    """What everybody may know of a certificate authority."""

    outputs: ClassVar[Mapping[str, str]] = {
        "root_certificate": "rootCertificate",
        "intermediate_certificate": "intermediateCertificate",
        "root_fingerprint": "rootFingerprint",
        "root_expiry": "rootExpiry",
        "intermediate_expiry": "intermediateExpiry",
    }

    root_certificate: pulumi.Output[str]
    """PEM, byte for byte what istiod is given; several while one root takes over from another."""
    intermediate_certificate: pulumi.Output[str]
    """The certificate that istiod signs with, PEM."""
    root_fingerprint: pulumi.Output[str]
    """SHA-256 of the root certificate's DER form, hexadecimal."""
    root_expiry: pulumi.Output[str]
    """ISO 8601, UTC."""
    intermediate_expiry: pulumi.Output[str]
    """ISO 8601, UTC."""


class _SigningAuthority(_Authority):
    """An authority whose key the engine knows."""

    outputs: ClassVar[Mapping[str, str]] = {
        **_Authority.outputs,
        "intermediate_key": "intermediateKey",
        "certificate_chain": "certificateChain",
    }

    intermediate_key: pulumi.Output[str]
    """Key of the certificate that istiod signs with, PEM; secret."""
    certificate_chain: pulumi.Output[str]
    """PEM: from the signing certificate up to its root."""


class CertificateChain(_SigningAuthority):
    """A root certificate and an intermediate that it signed."""

    noun = "CertificateChain"
    secrets = ("rootKey", "intermediateKey")


class ProvidedChain(_SigningAuthority):
    """A certificate authority that the user brings."""

    noun = "ProvidedChain"
    secrets = ("intermediateKey",)


class AuthoritySecret(_Authority):
    """Exists once Secret ``cacerts``, which somebody else keeps, is there and fit for istiod."""

    noun = "AuthoritySecret"


class IstioNamespace(_ProviderResource):
    """Istio's namespace in a cluster that is not Tether's: made, or patched and given back as it was."""

    noun = "IstioNamespace"
    outputs: ClassVar = {"namespace_name": "name"}

    namespace_name: pulumi.Output[str]
    """Name of the namespace."""


class BoundToken(_ProviderResource):
    """A token of a ServiceAccount that ends, and is made anew before it does."""

    noun = "BoundToken"
    outputs: ClassVar = {
        "token": "token",
        "expiry": "expiry",
        "secret_name": "secretName",
        "certificate_authority": "certificateAuthority",
    }
    secrets = ("token",)

    token: pulumi.Output[str]
    """Secret."""
    expiry: pulumi.Output[str]
    """ISO 8601, UTC."""
    secret_name: pulumi.Output[str]
    """Name of the Secret that it is bound to; every token has its own."""
    certificate_authority: pulumi.Output[str]
    """CA of the API server, PEM."""


class IstiodReady(_ProviderResource):
    """Exists once the API server reaches istiod's webhooks."""

    noun = "IstiodReady"


class RemoteReady(_ProviderResource):
    """Exists once the primary's istiod serves a remote: synced, root distributed, injection answered."""

    noun = "RemoteReady"


class GatewayReady(_ProviderResource):
    """Exists once a gateway has an address and answers on it."""

    noun = "GatewayReady"
    outputs: ClassVar = {"address": "address", "ip_addresses": "ipAddresses"}

    address: pulumi.Output[str]
    """The load balancer's IP address or host name, or a node's IP address."""
    ip_addresses: pulumi.Output[list[str]]
    """What that name stands for, or the IP addresses themselves; sorted."""


class Verification(_ProviderResource):
    """Exists once requests have crossed between all clusters, both ways, over mTLS."""

    noun = "Verification"
    outputs: ClassVar = {
        "requests": "requests",
        "answers": "answers",
        "identities": "identities",
        "seconds": "seconds",
        "verified_at": "verifiedAt",
    }

    requests: pulumi.Output[int]
    """How many requests were sent in all."""
    answers: pulumi.Output[dict[str, dict[str, int]]]
    """By asking cluster: how many answers came from which cluster."""
    identities: pulumi.Output[Any]
    """The SPIFFE identities that the answering side saw."""
    seconds: pulumi.Output[float]
    """How long the whole took."""
    verified_at: pulumi.Output[str]
    """ISO 8601, UTC."""
