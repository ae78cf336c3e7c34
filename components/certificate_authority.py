"""The certificate authority that all clusters of a mesh share."""

from typing import NotRequired, TypedDict, cast

import pulumi

from components.resources import AuthoritySecret, CertificateChain, ProvidedChain
from tether.authority import forms


class CertificateAuthorityArgs(TypedDict):
    """Who makes the authority, and what of."""

    source: NotRequired[str]
    """``generated`` (default), ``provided`` or ``existing``."""
    istio_namespace: pulumi.Input[str]
    """Namespace of istiod; part of a generated intermediate's DNS name, and where an existing Secret is awaited."""
    trust_domain: NotRequired[pulumi.Input[str]]
    """generated: trust domain that the intermediate signs for."""
    algorithm: NotRequired[pulumi.Input[str]]
    """generated: ``ecdsa-p256`` (default) or ``rsa-4096``."""
    root_days: NotRequired[pulumi.Input[int]]
    """generated: lifetime of the root certificate in days."""
    intermediate_days: NotRequired[pulumi.Input[int]]
    """generated: lifetime of the intermediate certificate in days; it ends no later than the root."""
    organization: NotRequired[pulumi.Input[str]]
    """generated: organization name in both certificates."""
    root_key_file: NotRequired[pulumi.Input[str]]
    """generated: absolute path of a new file that the root's key is handed out into; left out, the state keeps it."""
    ca_cert: NotRequired[pulumi.Input[str]]
    """provided: the certificate that istiod signs with, PEM."""
    ca_key: NotRequired[pulumi.Input[str]]
    """provided: its key, PEM; kept secret."""
    root_cert: NotRequired[pulumi.Input[str]]
    """provided: the root, or several while one takes over from another, PEM."""
    cert_chain: NotRequired[pulumi.Input[str]]
    """provided: what lies between the two, PEM."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """existing: kubeconfig of the primary for this machine; kept secret."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """existing: how long the Secret may take to appear."""


class CertificateAuthority(pulumi.ComponentResource):
    """A root certificate and the intermediate that istiod signs with.

    Only the primary gets the intermediate's key. Wherever the authority does not wait for a
    cluster, the root's bytes are known before any exists, so every webhook can carry them from the
    start and istiod, which compares bytes (istio/istio pkg/webhooks/webhookpatch.go), never rewrites one.
    """

    root_certificate: pulumi.Output[str]
    """The root certificate, PEM."""
    cacerts: pulumi.Output[dict[str, str]] | None
    """The data of istiod's Secret ``cacerts`` (istio/istio security/pkg/pki/ca); secret. None where it exists."""
    root_fingerprint: pulumi.Output[str]
    """SHA-256 of the root certificate, hexadecimal."""
    root_expiry: pulumi.Output[str]
    """End of the root certificate, ISO 8601, UTC."""
    intermediate_fingerprint: pulumi.Output[str]
    """SHA-256 of the certificate that istiod signs with, hexadecimal."""
    intermediate_expiry: pulumi.Output[str]
    """End of the certificate that istiod signs with, ISO 8601, UTC."""

    def __init__(self, name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:CertificateAuthority", name, {}, opts)
        source = args.get("source", "generated")
        child = pulumi.ResourceOptions(parent=self)
        chain: CertificateChain | ProvidedChain | AuthoritySecret
        if source == "existing":
            chain = _existing(name, args, child)
            self.cacerts = None
        else:
            chain = _provided(name, args, child) if source == "provided" else _generated(name, args, child)
            self.cacerts = _cacerts(chain)
        self.root_certificate = chain.root_certificate
        self.root_fingerprint = chain.root_fingerprint
        self.root_expiry = chain.root_expiry
        self.intermediate_fingerprint = chain.intermediate_certificate.apply(forms.fingerprint)
        self.intermediate_expiry = chain.intermediate_expiry
        # Not in the state: it is another text every day, and no day is a change.
        self.root_expiry.apply(lambda expiry: self._warn("root", source, expiry))
        self.intermediate_expiry.apply(lambda expiry: self._warn("intermediate", source, expiry))
        self.register_outputs(
            {
                "rootCertificate": self.root_certificate,
                "rootFingerprint": self.root_fingerprint,
                "rootExpiry": self.root_expiry,
                "intermediateExpiry": self.intermediate_expiry,
            }
        )

    def _warn(self, which: str, source: str, expiry: str) -> None:
        if warning := expiry_warning(which, source, expiry):
            pulumi.log.warn(warning, self)


def expiry_warning(which: str, source: str, expiry: str) -> str:
    """What to say of a certificate that ends soon; empty where it does not.

    Args:
        which: ``root`` or ``intermediate``.
        source: of the authority.
        expiry: ISO 8601.
    """
    days = forms.days_left(expiry)
    if days is None or days >= forms.SOON_DAYS:
        return ""
    when = f"ended {-days:.0f} days ago" if days < 0 else f"ends in {days:.0f} days"
    remedies = {
        ("intermediate", "generated"): "Issue a new one under the same root by another lifetime: "
        "pulumi config set --path 'tether:certificateAuthority.intermediateDays' DAYS",
        ("intermediate", "provided"): "Bring a new one that the same root signed: "
        "pulumi config set --path 'tether:certificateAuthority.caCert' FILE (and caKey)",
        ("intermediate", "existing"): "Whoever keeps Secret cacerts has to renew it",
    }
    remedy = remedies.get((which, source), "A new root has to be trusted beside the old one before it signs")
    return (
        f"the mesh's {which} certificate {when}, at {expiry}; from then on every handshake fails. {remedy}. "
        "See docs/how-to/bring-your-own-ca.md"
    )


def _generated(name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions) -> CertificateChain:
    return CertificateChain(
        name,
        {
            "istioNamespace": args["istio_namespace"],
            "trustDomain": args.get("trust_domain", "cluster.local"),
            "algorithm": args.get("algorithm", "ecdsa-p256"),
            "rootDays": args.get("root_days", 3650),
            "intermediateDays": args.get("intermediate_days", 1825),
            "organization": args.get("organization", "Tether"),
            **({"rootKeyFile": args["root_key_file"]} if "root_key_file" in args else {}),
        },
        opts,
    )


def _provided(name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions) -> ProvidedChain:
    return ProvidedChain(
        name,
        {
            "caCert": args.get("ca_cert"),
            "caKey": pulumi.Output.secret(args.get("ca_key")),
            "rootCert": args.get("root_cert"),
            "certChain": args.get("cert_chain", ""),
        },
        opts,
    )


def _existing(name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions) -> AuthoritySecret:
    return AuthoritySecret(
        name,
        {
            "kubeconfig": pulumi.Output.secret(args.get("kubeconfig")),
            "istioNamespace": args["istio_namespace"],
            "timeoutSeconds": args.get("timeout_seconds", 300),
        },
        opts,
    )


def _cacerts(chain: CertificateChain | ProvidedChain) -> pulumi.Output[dict[str, str]]:
    return cast(
        "pulumi.Output[dict[str, str]]",
        pulumi.Output.secret(
            pulumi.Output.all(
                **{
                    "ca-cert.pem": chain.intermediate_certificate,
                    "ca-key.pem": chain.intermediate_key,
                    "root-cert.pem": chain.root_certificate,
                    "cert-chain.pem": chain.certificate_chain,
                }
            )
        ),
    )
