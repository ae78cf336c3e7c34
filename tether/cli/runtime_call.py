"""One call of a container runtime's program."""

import subprocess
from collections.abc import Mapping, Sequence

from tether import podman_work


def call(
    command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run it out of reach of the terminal's Ctrl-C, which would end it half-way.

    Raises:
        OSError: there is no such program.
        subprocess.TimeoutExpired: it did not end in time.
    """
    child = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, complaint = child.communicate(timeout=seconds)
    except BaseException:
        podman_work.await_end(lambda: podman_work.in_group(child.pid))
        child.kill()
        child.communicate()
        raise
    return subprocess.CompletedProcess(command, child.returncode, output, complaint)


def answer(
    command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """The same, where no answer counts as one with exit code 1."""
    try:
        return call(command, environment, seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
