import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from toolchain import bootstrap
from toolchain.bootstrap import BootstrapError
from toolchain.places import Checkout
from toolchain.sources import Source


class FakeMachine(bootstrap.Machine):
    """A machine with these programs; installing is recorded and, unless it is broken, works."""

    def __init__(
        self,
        *has: str,
        family: str = "debian",
        prefix: list[str] | None = None,
        docker: bool = False,
        broken: bool = False,
    ) -> None:
        self.present = {"apt-get", "/lib/modules", *has}
        self.family, self.prefix, self.docker, self.broken = family, prefix, docker, broken
        self.commands: list[list[str]] = []

    def has(self, program: str) -> bool:
        return program in self.present

    def answers(self, *command: str) -> bool:
        return self.docker and command[:2] == ("docker", "info")

    def families(self) -> set[str]:
        return {self.family}

    def root_prefix(self) -> list[str] | None:
        return self.prefix

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        self.commands.append(list(command))
        return 100 if self.broken and "install" in command else 0


EVERYTHING = tuple(package.program for package in (*bootstrap.CONTAINER_PACKAGES, *bootstrap.IMAGE_PACKAGES))


def prepare(machine: FakeMachine, source: Source = Source.PACKAGES) -> list[str]:
    said: list[str] = []
    bootstrap.ensure_system(source, machine, said.append)
    return said


def test_with_everything_there_nothing_is_done_or_said():
    machine = FakeMachine(*EVERYTHING, prefix=[])
    assert prepare(machine) == []
    assert machine.commands == []


def test_on_debian_what_is_missing_is_announced_and_installed():
    machine = FakeMachine("podman", "iptables", prefix=["sudo"])
    (said,) = prepare(machine)
    update, install = machine.commands
    assert update[:2] == ["sudo", "apt-get"]
    assert install[:3] == ["sudo", "apt-get", "install"]
    assert {"debootstrap", "netavark", "runc"} <= set(install)
    assert not {"podman", "iptables"} & set(install)
    assert "debootstrap" in said


def test_ubuntu_is_of_debians_family_too():
    machine = FakeMachine(family="ubuntu", prefix=[])
    prepare(machine)
    assert machine.commands[1][0] == "apt-get"


@pytest.mark.parametrize("machine", [FakeMachine(family="fedora", prefix=[]), FakeMachine(prefix=None)])
def test_elsewhere_one_message_lists_all_that_is_missing_with_the_commands(machine: FakeMachine):
    machine.present.discard("/lib/modules")
    with pytest.raises(BootstrapError) as caught:
        prepare(machine)
    text = str(caught.value)
    for package in (*bootstrap.CONTAINER_PACKAGES, *bootstrap.IMAGE_PACKAGES):
        assert package.name in text
        assert package.purpose in text
    assert "apt-get install" in text
    assert "dnf install" in text
    assert "mkdir -p /lib/modules" in text
    assert machine.commands == []


def test_a_docker_that_answers_is_a_whole_runtime():
    missing = bootstrap.missing_packages(Source.PACKAGES, FakeMachine(docker=True, prefix=[]))
    assert {package.name for package in missing} == {"debootstrap", "debian-archive-keyring"}
    assert bootstrap.missing_packages(Source.RELEASES, FakeMachine(docker=True, prefix=[])) == []


def test_an_apt_that_fails_is_one_message_with_the_command_to_try():
    with pytest.raises(BootstrapError, match=r"sudo apt-get install --no-install-recommends .*debootstrap"):
        prepare(FakeMachine(prefix=[], broken=True))


def test_a_browser_that_is_there_is_taken_whatever_its_name():
    machine = FakeMachine("google-chrome", prefix=[])
    bootstrap.ensure_browser(machine, lambda _: pytest.fail("something was said"))
    assert machine.commands == []


def test_a_missing_browser_is_announced_and_installed_where_that_is_possible():
    said: list[str] = []
    machine = FakeMachine(prefix=["sudo"])
    bootstrap.ensure_browser(machine, said.append)
    assert machine.commands[1][-1] == "chromium"
    assert "chromium" in said[0]


@pytest.mark.parametrize("machine", [FakeMachine(family="fedora", prefix=[]), FakeMachine(prefix=None)])
def test_a_missing_browser_that_cannot_be_installed_is_a_failure_with_the_command(machine: FakeMachine):
    with pytest.raises(BootstrapError, match=r"apt-get install --no-install-recommends chromium"):
        bootstrap.ensure_browser(machine, lambda _: None)
    assert machine.commands == []


def test_the_policy_pack_has_an_environment_of_its_own(tmp_path: Path):
    machine = FakeMachine()
    bootstrap.ensure_environment(Checkout(tmp_path), "uv", machine, lambda _: None)
    assert [command[:5] for command in machine.commands] == [["uv", "sync", "--quiet", "--locked", "--project"]] * 2
    assert [command[5] for command in machine.commands] == [str(tmp_path), str(tmp_path / "policy")]


def test_the_clouds_packages_are_added_uncompiled_to_what_the_lock_file_says(tmp_path: Path):
    machine = FakeMachine()
    bootstrap.ensure_clouds(Checkout(tmp_path), "uv", machine)
    (command,) = machine.commands
    assert command[:4] == ["uv", "sync", "--quiet", "--locked"]
    assert command[-2:] == ["--all-extras", "--no-compile-bytecode"]


def test_the_folder_that_kind_mounts_is_made_and_announced_where_it_is_absent():
    machine = FakeMachine(*EVERYTHING, prefix=["sudo"])
    machine.present.discard("/lib/modules")
    (said,) = prepare(machine)
    assert machine.commands == [["sudo", "mkdir", "-p", "/lib/modules"]]
    assert "/lib/modules" in said


def test_bootstrap_needs_nothing_but_the_standard_library(tmp_path: Path):
    """It runs on a bare Python: neither it nor what it imports may need an installed package."""
    root = Path(bootstrap.__file__).parents[1]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import toolchain.__main__, toolchain.bootstrap; print(toolchain.bootstrap.PYTHON_MINIMUM)"
    )
    # -I -S: no user folder, no site-packages.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(root)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stderr == ""
    assert done.stdout.strip() == "(3, 11)"
