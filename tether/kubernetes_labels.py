"""Labels that users give to everything that Tether creates in Kubernetes."""

import re

RESERVED_DOMAINS = (
    "helm.sh", "istio.io", "k8s.io", "kubernetes.io", "metallb.io", "metallb.universe.tf", "tether.verification",
)  # fmt: skip
"""Prefixes whose labels have a meaning already, with every domain below them."""
RESERVED_NAMES = frozenset(
    {
        "app", "chart", "component", "controller-revision-hash", "heritage", "istio", "istio-injection",
        "istio-locality", "k8s-app", "pod-template-generation", "pod-template-hash", "release",
        "tether.verification", "version",
    }
)  # fmt: skip
"""Labels without a prefix that selectors of the charts, Kubernetes or istiod look at."""

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DOMAIN_PART = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_key(text: str) -> bool:
    """Whether Kubernetes takes a label's key: a name, before it a DNS subdomain and a slash if need be.

    The rule of IsQualifiedName, kubernetes/kubernetes apimachinery/pkg/util/validation.
    """
    domain, slash, name = text.rpartition("/")
    return bool(_NAME.fullmatch(name)) and (not slash or _is_subdomain(domain))


def _is_subdomain(text: str) -> bool:
    return len(text) <= 253 and all(_DOMAIN_PART.fullmatch(part) for part in text.split("."))


def is_value(text: str) -> bool:
    """Whether Kubernetes takes a label's value; the empty one is one (IsValidLabelValue, same place)."""
    return not text or bool(_NAME.fullmatch(text))


def owner(key: str) -> str:
    """Who gives a label its meaning already: ``istio.io``, say; empty where nobody does."""
    domain, _, name = key.rpartition("/")
    if not domain:
        return "the charts, Kubernetes or istiod" if name in RESERVED_NAMES else ""
    # istiod's own `istio/multiCluster` has no dot.
    taken = (*RESERVED_DOMAINS, "istio")
    return next((one for one in taken if domain == one or domain.endswith(f".{one}")), "")
