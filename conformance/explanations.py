"""Why tests fail that are known to fail: found out by looking, one sentence each."""

from collections.abc import Sequence

from conformance.record import Result

_NOT_SNIFFED = (
    "The answer comes, without the header X-Forwarded-Client-Cert: plain Envoy has no ALPN filter, so a port whose "
    "protocol is not declared reaches the server's proxy as TCP, where no header can be added."
)
CAUSES: Sequence[tuple[str, str, str]] = (
    ("TestTraffic/externalname", "auto-http", _NOT_SNIFFED),
    ("TestTraffic/host", "auto-http", _NOT_SNIFFED),
)
"""Test, part of a failing subtest's name or of what was said (empty: any), cause."""


def explanation(result: Result) -> str:
    """Every cause that fits a failed test, or nothing."""
    texts = [result.reason, *result.failures]
    found = [
        cause
        for test, part, cause in CAUSES
        if test == result.test and (not part or any(part in text for text in texts))
    ]
    return " ".join(dict.fromkeys(found))
