"""The certificate authority that all clusters of a mesh share."""

from typing import NotRequired, TypedDict

import pulumi

from components.resources import CertificateChain


class CertificateAuthorityArgs(TypedDict):
    """What the generated authority is made of."""

    istio_namespace: pulumi.Input[str]
    """Namespace of istiod; part of the intermediate's DNS name."""
    trust_domain: NotRequired[pulumi.Input[str]]
    """Trust domain that the intermediate signs for."""
    algorithm: NotRequired[pulumi.Input[str]]
    """``ecdsa-p256`` (default) or ``rsa-4096``."""
    root_days: NotRequired[pulumi.Input[int]]
    """Lifetime of the root certificate in days."""
    intermediate_days: NotRequired[pulumi.Input[int]]
    """Lifetime of the intermediate certificate in days; it ends no later than the root."""
    organization: NotRequired[pulumi.Input[str]]
    """Organization name in both certificates."""


class CertificateAuthority(pulumi.ComponentResource):
    """A root certificate and the intermediate that istiod signs with.

    Only the primary gets the intermediate's key. The root's bytes are known before any
    cluster exists, so every webhook can carry them from the start and istiod, which
    compares bytes (istio/istio pkg/webhooks/webhookpatch.go), never rewrites one.
    """

    root_certificate: pulumi.Output[str]
    """The root certificate, PEM."""
    cacerts: pulumi.Output[dict[str, str]]
    """The data of istiod's Secret ``cacerts`` (istio/istio security/pkg/pki/ca); secret."""
    root_fingerprint: pulumi.Output[str]
    """SHA-256 of the root certificate, hexadecimal."""
    root_expiry: pulumi.Output[str]
    """End of the root certificate, ISO 8601, UTC."""
    intermediate_expiry: pulumi.Output[str]
    """End of the intermediate certificate, ISO 8601, UTC."""

    def __init__(self, name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:CertificateAuthority", name, {}, opts)
        chain = CertificateChain(
            name,
            {
                "istioNamespace": args["istio_namespace"],
                "trustDomain": args.get("trust_domain", "cluster.local"),
                "algorithm": args.get("algorithm", "ecdsa-p256"),
                "rootDays": args.get("root_days", 3650),
                "intermediateDays": args.get("intermediate_days", 1825),
                "organization": args.get("organization", "Tether"),
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.root_certificate = chain.root_certificate
        self.root_fingerprint = chain.root_fingerprint
        self.root_expiry = chain.root_expiry
        self.intermediate_expiry = chain.intermediate_expiry
        self.cacerts = pulumi.Output.secret(
            pulumi.Output.all(
                **{
                    "ca-cert.pem": chain.intermediate_certificate,
                    "ca-key.pem": chain.intermediate_key,
                    "root-cert.pem": chain.root_certificate,
                    "cert-chain.pem": chain.certificate_chain,
                }
            )
        )
        self.register_outputs(
            {
                "rootCertificate": self.root_certificate,
                "rootFingerprint": self.root_fingerprint,
                "rootExpiry": self.root_expiry,
                "intermediateExpiry": self.intermediate_expiry,
            }
        )
