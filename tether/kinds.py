"""The kinds of results for programs; standard library only, because the command line begins with them."""

from enum import StrEnum


class Kind(StrEnum):
    """What a document is about; never given another meaning."""

    MESH = "mesh"
    REMOVAL = "removal"
    VARIABLES = "variables"
    SETTINGS = "settings"
    SCHEMA = "schema"
    EXAMINATION = "examination"
    CHECKS = "checks"
    RIGHTS = "rights"
    TRACE = "trace"
    VERIFICATION = "verification"
    PROOFS = "proofs"
    CLEANUP = "cleanup"
    TOPOLOGY = "topology"
    REPORT = "report"
    DIAGNOSIS = "diagnosis"
    REMOTE_REMOVAL = "remote-removal"
    PREVIEW = "preview"
    DRIFT = "drift"
    EXPIRY = "expiry"
    ENVIRONMENT = "environment"
    ENVIRONMENTS = "environments"
    ENVIRONMENT_KUBECONFIG = "environment-kubeconfig"
    ENVIRONMENT_REMOVAL = "environment-removal"
    REAPING = "reaping"
    TIMER = "timer"
    ERROR = "error"
