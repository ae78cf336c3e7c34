"""Releases of Istio that must not run a primary-remote mesh: data, with the reason and a link for each."""

from collections.abc import Iterator
from dataclasses import dataclass

from tether.compatibility import numbers
from tether.compatibility.numbers import Patch


@dataclass(frozen=True, kw_only=True)
class BadRelease:
    """A bug, and the releases that have it."""

    first: Patch
    last: Patch
    """Both ends included; of one line."""
    wrong: str
    """What they do wrong; goes on after ``istiod 1.30.2``."""
    breaks: str
    """What it does to a primary-remote mesh."""
    fixed: Patch
    link: str
    """The issue or advisory; the release notes of ``fixed`` name it."""

    @property
    def label(self) -> str:
        """Short name of the link: ``istio/istio#60612`` or ``ISTIO-SECURITY-2026-006``."""
        if "/security/" in self.link:
            return self.link.rstrip("/").rpartition("/")[2].upper()
        repository, _, number = self.link.removeprefix("https://github.com/").partition("/issues/")
        return f"{repository}#{number}"

    @property
    def range(self) -> str:
        """The releases, as ``1.30.0 to 1.30.3``."""
        return f"{numbers.said(self.first)} to {numbers.said(self.last)}"


_ISSUES = "https://github.com/istio/istio/issues"
_BULLETIN = "https://istio.io/latest/news/security/istio-security-2026-006/"
_REGEX = "compiles version expressions of any length that an EnvoyFilter carries, and its Envoy has 13 known CVEs"
_REGEX_BREAKS = (
    "who may write EnvoyFilters in one namespace can stop the istiod of every cluster, and its webhooks with it"
)

BAD_RELEASES = (
    BadRelease(
        first=(1, 29, 0), last=(1, 29, 2), fixed=(1, 29, 3), link=f"{_ISSUES}/59875",
        wrong="can wait for ever when a remote secret is renewed",
        breaks="from the first renewal on no remote secret is read, so endpoints of remotes grow stale until a restart",
    ),
    BadRelease(
        first=(1, 29, 3), last=(1, 29, 4), fixed=(1, 29, 5), link=f"{_ISSUES}/60520",
        wrong="can crash when a remote secret is renewed",
        breaks="while the only istiod restarts, no cluster gets proxies injected, certificates or configuration",
    ),
    BadRelease(
        first=(1, 29, 0), last=(1, 29, 6), fixed=(1, 29, 7), link=_BULLETIN, wrong=_REGEX, breaks=_REGEX_BREAKS,
    ),
    BadRelease(
        first=(1, 30, 0), last=(1, 30, 2), fixed=(1, 30, 3), link=f"{_ISSUES}/60612",
        wrong="may not read a remote secret that was renewed",
        breaks="it goes on with the old token, and endpoints of that remote grow stale until a restart",
    ),
    BadRelease(
        first=(1, 30, 0), last=(1, 30, 3), fixed=(1, 30, 4), link=f"{_ISSUES}/60920",
        wrong="can lose a remote's gateway when its remote secret is renewed",
        breaks="requests to that remote's network find no way until a restart of istiod",
    ),
    BadRelease(
        first=(1, 30, 0), last=(1, 30, 3), fixed=(1, 30, 4), link=f"{_ISSUES}/61043",
        wrong="can lose a remote's endpoints when its remote secret is renewed",
        breaks="services of that remote answer no other cluster until a restart of istiod",
    ),
    BadRelease(
        first=(1, 30, 0), last=(1, 30, 3), fixed=(1, 30, 4), link=_BULLETIN, wrong=_REGEX, breaks=_REGEX_BREAKS,
    ),
)  # fmt: skip
"""Ordered by line. The fixing releases are those whose release notes name the issue (istio.io, news/releases)."""


def of(istio: str) -> Iterator[BadRelease]:
    """Every bug of a version; none where it names no release, as builds of a branch do."""
    release = numbers.patch(istio)
    return (bad for bad in BAD_RELEASES if release is not None and bad.first <= release <= bad.last)
