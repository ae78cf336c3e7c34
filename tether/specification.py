"""Has API servers put their specification together before anybody needs it."""

import contextlib
from collections.abc import Iterable

from tether import kube

PATH = "/openapi/v2"
FORM = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What Pulumi's Kubernetes plugin asks for (client-go discovery, ``OpenAPISchema``); each form is made by itself."""


def prepare(clusters: Iterable[kube.Cluster]) -> None:
    """Have API servers make the document that describes all their kinds, without waiting for it.

    They make it for the first who asks after new kinds have come (k8s.io/kube-aggregator), and that takes seconds.
    Otherwise that is the first ``pulumi preview`` after ``up``. One that does not answer makes it when it is asked.
    """
    for cluster in clusters:
        with contextlib.suppress(kube.KubeError):
            cluster.begin(PATH, FORM)
