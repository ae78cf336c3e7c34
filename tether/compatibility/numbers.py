"""Version numbers as Istio, Kubernetes and Envoy write them."""

import re

Minor = tuple[int, int]
Patch = tuple[int, int, int]

# A tag's prefix and what stands behind the numbers (``-distroless``, ``+k3s1``, ``-gke.100``) say nothing here.
_VERSION = re.compile(r"(?<![0-9A-Za-z.])v?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?![0-9])")


def minor(text: str) -> Minor | None:
    """The line of the first version in a text: ``v1.34.4+k3s1`` → (1, 34); None where there is none."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else None


def patch(text: str) -> Patch | None:
    """The release: ``1.30.2-debug`` → (1, 30, 2); None where the first version names a line only."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found and found[3] else None


def said(numbers: Minor | Patch) -> str:
    """The numbers with dots."""
    return ".".join(map(str, numbers))
