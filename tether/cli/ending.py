"""What of a mesh ends one day: certificates of its CA, credentials of its remotes, access to its clusters."""

import base64
import binascii
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from tether import credential, service_account_token
from tether.cli.state import State, part

_BOUND_TOKEN = "tether:index:BoundToken"  # noqa: S105 - a type token


@dataclass(frozen=True, kw_only=True)
class Ending:
    """One thing and when it ends."""

    subject: str
    ends: datetime.datetime
    renewal: str
    """How it is renewed, and by whom."""
    lifetime: datetime.timedelta | None = None
    """Of what a run of ``tether up`` renews by itself; None for what somebody has to think of."""

    def left(self, now: datetime.datetime) -> datetime.timedelta:
        """How long it is still good for; negative once it has ended."""
        return self.ends - now

    def is_soon(self, now: datetime.datetime, within: datetime.timedelta) -> bool:
        """Whether somebody has to act.

        What renews itself counts only when it should have been renewed by now: a credential of one day would
        otherwise always end within thirty.
        """
        left = self.left(now)
        return left < within and (self.lifetime is None or credential.ends_soon(left, self.lifetime))


def of_state(state: State, kubeconfigs: Mapping[str, str]) -> list[Ending]:
    """Everything that ends, the soonest first.

    Args:
        state: of the stack.
        kubeconfigs: by cluster, with their secrets.
    """
    mesh = cast("Mapping[str, Any]", state.outputs.get("mesh") or {})
    found = [*_certificates(mesh), *_credentials(state), *_access(kubeconfigs)]
    return sorted(found, key=lambda one: one.ends)


_RENEWALS = {
    "generated": "pulumi config set --path tether:certificateAuthority.intermediateDays DAYS && tether up",
    "provided": "pulumi config set --path tether:certificateAuthority.caCert FILE, its caKey too, then: tether up",
    "existing": "whoever keeps Secret cacerts renews it; istiod takes it over without a restart",
}
"""Of the certificate that istiod signs with, by where it comes from (docs/how-to/bring-your-own-ca.md)."""
_NEW_ROOT = "another root is another mesh: docs/explanation/certificate-authority.md"


def _certificates(mesh: Mapping[str, Any]) -> Iterator[Ending]:
    source = str(mesh.get("certificateAuthority") or "generated")
    for name, subject, renewal in (
        ("root", "root certificate", _NEW_ROOT),
        ("intermediate", "certificate that istiod signs with", _RENEWALS.get(source, "")),
    ):
        if ends := _moment(mesh.get(f"{name}CertificateExpiry")):
            yield Ending(subject=subject, ends=ends, renewal=renewal)


def _credentials(state: State) -> Iterator[Ending]:
    tokens = [part(one, "outputs") for one in state.resources if one["type"] == _BOUND_TOKEN and not one.get("delete")]
    lifetimes = {str(one.get("expiry")): float(one.get("lifetimeSeconds") or 0) for one in tokens}
    for one in cast("list[Mapping[str, Any]]", state.outputs.get("credentials") or []):
        if ends := _moment(one.get("expiry")):
            yield Ending(
                subject=f"credential for {one['cluster']}",
                ends=ends,
                renewal="tether up",
                lifetime=datetime.timedelta(seconds=lifetimes.get(str(one["expiry"]), 0)) or None,
            )


def _access(kubeconfigs: Mapping[str, str]) -> Iterator[Ending]:
    for cluster, content in kubeconfigs.items():
        ends = min(_ends_in(content), default=None)
        if ends:
            yield Ending(
                subject=f"access to {cluster}",
                ends=ends,
                renewal="whoever gave its kubeconfig gives another; a kind cluster is made anew",
            )


def _ends_in(kubeconfig: str) -> Iterator[datetime.datetime]:
    """Ends of the client certificates and tokens in a kubeconfig; a token that tells none has none."""
    document = cast("Mapping[str, Any]", yaml.safe_load(kubeconfig) or {})
    for entry in cast("list[Mapping[str, Any]]", document.get("users") or []):
        user = cast("Mapping[str, Any]", entry.get("user") or {})
        if pem := user.get("client-certificate-data"):
            yield from _ends_of(str(pem))
        claims = service_account_token.claims(str(user.get("token") or ""))
        if claims and claims.ends:
            yield claims.ends


def _ends_of(encoded: str) -> Iterator[datetime.datetime]:
    # Half a second to load, which only this command needs.
    from cryptography import x509

    try:
        yield x509.load_pem_x509_certificate(base64.b64decode(encoded)).not_valid_after_utc
    except (ValueError, binascii.Error):
        return


def _moment(text: object) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
