"""How long certificates and credentials last."""

from collections.abc import Iterator

from tether.authority import judging
from tether.authority.forms import Material
from tether.credential import DEFAULT_LIFETIME_HOURS, CredentialKind
from tether.errors import Problem
from tether.settings import authority
from tether.settings.credential import RemoteCredentialSettings
from tether.settings.models import AuthoritySettings, AuthoritySource
from tether.settings.reading import misfits
from tether.settings.wording import fix, subject
from tether.topology import READER_SERVICE_ACCOUNT
from tether_policy.policy import PROJECT, Declared, Level, Option, Options, Policy, inner

_AUTHORITY = "certificateAuthority"
_CREDENTIAL = "remoteCredential"
_KEYS = ("rootDays", "intermediateDays")
_SERVICE_ACCOUNT = "kubernetes.io/service-account.name"
_DEFAULT = AuthoritySettings()


def _authority(one: Declared, options: Options) -> Iterator[Problem]:
    if one.type == "tether:index:CertificateChain":
        written = {key: one.inputs[key] for key in _KEYS if key in one.inputs}
        yield from misfits(AuthoritySettings, written, (_AUTHORITY,), PROJECT)
        yield from authority.check({"source": AuthoritySource.GENERATED, **written}, PROJECT)
        for key, days in written.items():
            yield from _too_long(key, days, options[key])
    if one.type == "tether:index:ProvidedChain" and {"caCert", "rootCert"} <= {*one.inputs}:
        yield from _provided(one, options)


def _provided(one: Declared, options: Options) -> Iterator[Problem]:
    material = Material(
        ca_cert=one.inputs["caCert"], ca_key=None, root_cert=one.inputs["rootCert"],
        cert_chain=one.inputs.get("certChain") or "",
    )  # fmt: skip
    judged = judging.judge(material)
    for complaint in judged.complaints:
        yield Problem(
            subject=subject((_AUTHORITY, complaint.part.value), PROJECT), wrong=complaint.wrong, why=complaint.why,
            fix=fix((_AUTHORITY, complaint.part.value), "FILE", PROJECT),
        )  # fmt: skip
    for key, certificate in zip(_KEYS, (judged.path[-1:], judged.path[:1]), strict=True):
        for found in certificate:
            lifetime = found.not_valid_after_utc - found.not_valid_before_utc
            yield from _too_long(key, lifetime.days, options[key])


def _too_long(key: str, days: int, limit: int) -> Iterator[Problem]:
    if days > limit:
        yield Problem(
            subject=subject((_AUTHORITY, key), PROJECT), shown=str(days), wrong=f"is more than {limit} days",
            why="a key that leaks stays good for as long as its certificate, and renewal is never practised",
            fix=fix((_AUTHORITY, key), str(limit), PROJECT),
        )  # fmt: skip


def _credential(one: Declared, options: Options) -> Iterator[Problem]:
    limit = options["hours"]
    if one.type == "tether:index:BoundToken":
        hours = one.inputs.get("lifetimeHours")
        written = {"kind": CredentialKind.BOUND, **({} if hours is None else {"lifetimeHours": hours})}
        yield from misfits(RemoteCredentialSettings, written, (_CREDENTIAL,), PROJECT)
        if isinstance(hours, int) and hours > limit:
            yield Problem(
                subject=subject((_CREDENTIAL, "lifetimeHours"), PROJECT), shown=str(hours),
                wrong=f"is more than {limit} hours",
                why="whoever copies the token reads the remote's Services and Secrets of Istio for as long",
                fix=fix((_CREDENTIAL, "lifetimeHours"), str(limit), PROJECT),
            )  # fmt: skip
    if one.inputs.get("type") == "kubernetes.io/service-account-token":
        account = inner(one.inputs, "metadata", "annotations", _SERVICE_ACCOUNT)
        if account == READER_SERVICE_ACCOUNT:
            yield Problem(
                subject=subject((_CREDENTIAL, "kind"), PROJECT), shown=CredentialKind.TOKEN_SECRET,
                wrong="makes a token without an end", why="whoever copies it reads the remote until somebody notices",
                fix=fix((_CREDENTIAL, "kind"), CredentialKind.BOUND, PROJECT),
            )  # fmt: skip


CA_LIFETIME = Policy(
    name="ca-lifetime",
    title="root and intermediate certificate end in time, and fit together",
    why="The mesh's trust ends with them, and a leaked key with them at the latest.",
    looks_at="generated and provided certificate authorities; one that somebody else keeps is theirs",
    same_rule=("tether.settings.authority.check", "tether.authority.judging.judge",),
    options=(
        Option(
            name="rootDays", schema={"type": "integer", "minimum": 1, "default": _DEFAULT.root_days},
            says="Most days that the root may last",
        ),
        Option(
            name="intermediateDays", schema={"type": "integer", "minimum": 1, "default": _DEFAULT.intermediate_days},
            says="Most days that the certificate may last that istiod signs with",
        ),
    ),
    of_resource=_authority,
)  # fmt: skip
REMOTE_CREDENTIAL_LIFETIME = Policy(
    name="remote-credential-lifetime",
    title="istiod reads remotes with a credential that ends",
    why="A remote secret is a way into another cluster; one without an end outlives everybody who knows of it.",
    looks_at="bound tokens, and Secrets that Kubernetes fills with a token of istiod's reader",
    same_rule=("tether.settings.credential.RemoteCredentialSettings",),
    level=Level.ADVISORY,
    options=(
        Option(
            name="hours", schema={"type": "integer", "minimum": 2, "default": DEFAULT_LIFETIME_HOURS},
            says="Most hours that a token may last",
        ),
    ),
    of_resource=_credential,
)  # fmt: skip
