"""Which of Istio's tests are run, in which order, and which are left out for which reason.

What is named here is checked against Istio's sources, so that a test which a new Istio
brings is run too, and one that is gone is noticed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

LEFT_OUT: Mapping[str, str] = {
    "TestCNIRaceRepair": "needs Istio's CNI plugin on the nodes; Tether installs none",
    "TestGatewayConformance": "the Gateway API project's own suite: it asks about one cluster's gateway controller, "
    "not about primary and remotes",
    "TestMultiVersionRevision": "installs other Istio releases beside this one, from charts on the network",
    "TestRevisionedUpgrade": "installs older Istio releases, from charts on the network",
    "TestTunnelingOutboundTraffic": "its proxy outside the mesh is an image of Envoy 1.21 from a registry; the Envoy "
    "that is here (1.39.3, tried in its place) refuses the test's configuration for it: a filter without a type",
    "TestVmOSPost": "needs images of virtual machines",
    "TestVMRegistrationLifecycle": "needs images of virtual machines",
}
"""Test → why it does not apply to this topology."""

SECTIONED: Mapping[str, tuple[str, str]] = {
    "TestTraffic": ("tests/integration/pilot/common/traffic.go", r'^\s*Run(?:Case|SkipAmbient)\("([^"]+)"'),
    "TestReachability": ("tests/integration/security/reachability_test.go", r'^\s*name: +"([^"]+)"'),
}
"""Tests that are half of their suites: the file in which a test's sections are named, and where in a line.

Each section counts as a test.
"""
_FUNCTION = re.compile(r"^func (Test\w+)\(\w+ \*testing\.T\)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tests that one start of a test program runs."""

    title: str
    suite: str
    """Name of the test program (toolchain.istio_tests)."""
    tests: tuple[str, ...] = ()
    """Names with ``*`` for anything; empty: what is in no other group of the suite."""
    minutes: float = 10
    """How long the group may take, on two cores."""


GROUPS: tuple[Group, ...] = (
    Group(
        title="clusters and remote secrets",
        suite="pilot",
        tests=("TestClusterLocal", "TestRemoteClusters", "TestBadRemoteSecret", "TestMultiCluster*"),
    ),
    Group(title="mirroring and locality", suite="pilot", tests=("TestMirroring*", "TestLocality"), minutes=10),
    Group(title="authorization across clusters", suite="security", tests=("TestAuthz_*",), minutes=35),
    Group(
        title="traffic management: services",
        suite="pilot",
        tests=tuple(
            f"TestTraffic/{name}"
            for name in ("services", "host", "externalname", "externalservice", "dns", "instanceip", "selfcall",
                         "serverfirst", "loop", "consistent-hash", "use-client-protocol", "destinationrule")
        ),
        minutes=30,
    ),
    Group(title="reachability", suite="security", tests=("TestReachability/*",), minutes=60),
    Group(
        title="mutual TLS of probes and unknown ports",
        suite="security",
        tests=("TestMtlsHealthCheck", "TestPassThroughFilterChain"),
    ),
    Group(
        title="traffic management: gateways",
        suite="pilot",
        tests=tuple(
            f"TestTraffic/{name}"
            for name in ("gateway", "autopassthrough", "tls-origination", "jwt-claim-route", "upstreamproxy")
        ),
        minutes=30,
    ),
    Group(title="traffic management: routes and protocols", suite="pilot", tests=("TestTraffic/*",), minutes=60),
    Group(
        title="gateways",
        suite="pilot",
        tests=("Test*Gateway*", "TestIngress", "TestHTTPRouteAndGRPCRouteCoexistence"),
        minutes=20,
    ),
    Group(title="tokens of end users", suite="security", tests=("*RequestAuthentication",), minutes=25),
    Group(
        title="TLS at the gateway",
        suite="security",
        tests=("*TlsGateway*", "*MTLSGateway*", "*MtlsGateway*"),
        minutes=20,
    ),
    Group(title="proxies, probes and istioctl", suite="pilot", minutes=25),
    Group(title="other security", suite="security", minutes=15),
)  # fmt: skip


def functions(package: Path) -> list[str]:
    """The test functions of a package, in the order in which Go runs them.

    Read from its source: the programs' own ``-test.list`` answers only where a mesh stands (framework.NewSuite).
    """
    return [name for file in sorted(package.glob("*_test.go")) for name in _FUNCTION.findall(file.read_text())]


def units(listed: Sequence[str], sources: Path) -> list[str]:
    """Test functions, one that has sections as its sections (``TestTraffic/dns``).

    Raises:
        ValueError: a test that has sections names none; its file is written otherwise than it was.
    """
    result: list[str] = []
    for test in listed:
        if test not in SECTIONED:
            result.append(test)
            continue
        file, place = SECTIONED[test]
        sections = re.findall(place, (sources / file).read_text(), re.MULTILINE)
        if not sections:
            raise ValueError(f"{file}: no sections of {test} found in it")
        # Go writes a subtest's name without spaces.
        result += [f"{test}/{section.replace(' ', '_')}" for section in sections]
    return result


def dealt(listed: Mapping[str, Sequence[str]], groups: Sequence[Group] = GROUPS) -> dict[str, list[str]]:
    """Deal tests to the groups; what is left out is in none.

    Args:
        listed: tests by suite (:func:`units`).
        groups: the groups, in order; the first that fits takes a test.

    Returns:
        Tests by the group's title.
    """
    result: dict[str, list[str]] = {group.title: [] for group in groups}
    for suite, tests in listed.items():
        candidates = [group for group in groups if group.suite == suite]
        for test in tests:
            if test in LEFT_OUT:
                continue
            fitting = [group for group in candidates if any(fnmatchcase(test, pattern) for pattern in group.tests)]
            result[(fitting or [group for group in candidates if not group.tests])[0].title].append(test)
    return result
