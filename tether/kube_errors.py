"""What goes wrong between us and an API server."""


class KubeError(Exception):
    """A request to an API server failed.

    Attributes:
        status: HTTP status, 0 where no answer came.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class KubeTimeoutError(KubeError):
    """A command in a container, or a port of a pod, did not answer in time."""


class KubeconfigError(KubeError):
    """The kubeconfig cannot be used as it is."""


def one_line(text: str, limit: int = 300) -> str:
    """An answer as part of a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
