import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tether import versions
from toolchain import build, programs, releases, sources
from toolchain.sources import Source, SourceError

FITTING = {
    "pulumi": "v3.260.1",
    "kind": "kind v0.33.0 go1.26.0 linux/amd64",
    "kubectl": '{"clientVersion": {"major": "1", "gitVersion": "v1.35.2"}}',
    "istioctl": "client version: 1.31.1",
}


class FakeMachine:
    def __init__(self, programs: dict[str, str] | None = None, *, reachable: bool = False) -> None:
        self.programs, self.reachable = programs or {}, reachable
        self.asked_names = 0

    def which(self, name: str) -> str | None:
        return f"/opt/{name}" if name in self.programs else None

    def ask(self, path: str, arguments: Sequence[str]) -> str:
        return self.programs[path.removeprefix("/opt/")]

    def resolves(self, hosts: Sequence[str]) -> bool:
        self.asked_names += 1
        return self.reachable


def test_auto_takes_fitting_tools_and_builds_the_rest_where_nothing_can_be_reached():
    choice = sources.choose(FakeMachine({"kind": FITTING["kind"]}), Source.AUTO)
    assert choice.source is Source.PACKAGES
    assert "do not resolve within 2 s" in choice.why
    assert set(choice.installed) == {"kind"}
    assert choice.installed["kind"].version == "0.33.0"
    assert choice.notes["pulumi"] == "not installed"
    plan = build.plan(choice)
    assert set(plan.tools) == {"pulumi", "kubectl", "istioctl"}
    assert programs.PULUMI in plan.artefacts
    assert plan.data_plane == "envoy"


def test_auto_takes_releases_where_they_can_be_reached_and_asks_once():
    machine = FakeMachine(reachable=True)
    choice = sources.choose(machine, Source.AUTO)
    assert choice.source is Source.RELEASES
    assert machine.asked_names == 1
    plan = build.plan(choice)
    assert plan.images == releases.images(versions.DEFAULT_LINE)
    assert plan.data_plane == "istio"
    assert not plan.plugins, "the official engine fetches its plugins itself"
    assert {artefact.name for artefact in plan.artefacts} == {
        "release-pulumi", "release-kind", "release-kubectl", "release-istioctl", "release-charts",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answer", "fits"),
    [
        ("pulumi", "v3.257.9", False),
        ("pulumi", "v3.258.0", True),
        ("pulumi", "v4.0.0", False),
        ("kind", "kind v0.32.0 go1.25.0 linux/amd64", False),
        ("kind", "kind v0.34.0 go1.27.0 linux/amd64", True),
        ("kubectl", '{"clientVersion": {"gitVersion": "v1.32.4"}}', False),
        ("kubectl", '{"clientVersion": {"gitVersion": "v1.33.0"}}', True),
        ("istioctl", "client version: 1.30.9", False),
        ("istioctl", "client version: 1.31.4", True),
        ("pulumi", "", False),
    ],
)
def test_an_installed_tool_is_taken_only_in_a_fitting_version(name: str, answer: str, fits: bool):
    choice = sources.choose(FakeMachine({name: answer}), Source.AUTO)
    assert (name in choice.installed) is fits
    if not fits:
        assert f"/opt/{name}" in choice.notes[name], "the reason names the program that was found"


def test_what_was_decided_before_stands_without_asking_again():
    machine = FakeMachine(reachable=True)
    choice = sources.choose(machine, Source.AUTO, (Source.PACKAGES, "because"))
    assert (choice.source, choice.why) == (Source.PACKAGES, "because")
    assert machine.asked_names == 0


def test_packages_ignores_what_is_installed():
    choice = sources.choose(FakeMachine(FITTING, reachable=True), Source.PACKAGES)
    assert choice.source is Source.PACKAGES
    assert not choice.installed
    assert "TETHER_SOURCE=packages" in choice.why


def test_installed_with_tools_missing_names_all_of_them_at_once_and_the_way_out():
    with pytest.raises(SourceError) as caught:
        sources.choose(FakeMachine({"kind": "kind v0.20.0", "kubectl": FITTING["kubectl"]}), Source.INSTALLED)
    text = str(caught.value)
    assert "pulumi: not installed" in text
    assert "kind: /opt/kind is 0.20.0" in text
    assert "istioctl: not installed" in text
    assert "kubectl:" not in text
    assert "TETHER_SOURCE=auto make tools" in text


def test_installed_with_everything_there_takes_it_all():
    choice = sources.choose(FakeMachine(FITTING), Source.INSTALLED)
    assert set(choice.installed) == set(FITTING)
    assert set(build.plan(choice).tools) == set()


def test_releases_that_cannot_be_reached_are_refused_with_the_command_that_helps():
    with pytest.raises(SourceError, match=r"github\.com.*TETHER_SOURCE=packages make tools"):
        sources.choose(FakeMachine(reachable=False), Source.RELEASES)


def test_an_unknown_word_is_refused_with_the_words_that_exist():
    with pytest.raises(SourceError, match=r"TETHER_SOURCE=cloud .* auto, installed, releases, packages"):
        sources.wanted({"TETHER_SOURCE": "cloud"})
    assert sources.wanted({}) is Source.AUTO
    assert sources.wanted({"TETHER_SOURCE": ""}) is Source.AUTO


def program(place: Path) -> Path:
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\necho kind v0.33.0\n")
    place.chmod(0o755)
    return place


@pytest.mark.parametrize("way", ["of this checkout", "of an environment", "from a folder of the user's"])
def test_links_that_tether_made_do_not_count_as_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str):
    """Observed: `tether drift` in an environment's folder made the checkout's programs links to themselves."""
    ours = program(tmp_path / "clone" / ".tether" / "bin" / "kind")
    theirs = program(tmp_path / "theirs" / "kind")
    first = ours.parent
    if way == "of an environment":
        (first := tmp_path / "environment" / ".tether" / "bin").parent.mkdir(parents=True)
        first.symlink_to(ours.parent)
    elif way == "from a folder of the user's":
        (first := tmp_path / "home").mkdir()
        (first / "kind").symlink_to("../clone/.tether/bin/kind")
    monkeypatch.setenv("PATH", f"{first}:{theirs.parent}:/bin:/usr/bin")
    assert sources.ThisMachine().which("kind") == str(theirs)


def test_what_the_user_linked_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    theirs, linked = program(tmp_path / "opt" / "kind"), tmp_path / "home" / "kind"
    linked.parent.mkdir()
    linked.symlink_to(theirs)
    monkeypatch.setenv("PATH", f"{linked.parent}:/bin:/usr/bin")
    machine = sources.ThisMachine()
    assert machine.which("kind") == str(linked)
    assert machine.ask(str(linked), ["version"]) == "kind v0.33.0"
    assert machine.ask(str(tmp_path / "absent"), []) == ""


def test_a_resolver_that_hangs_costs_two_seconds_and_counts_as_unreachable(monkeypatch: pytest.MonkeyPatch):
    never = threading.Event()
    monkeypatch.setattr(sources, "RESOLVE_SECONDS", 0.2)

    def hang(host: str, port: int) -> bool:
        return never.wait(20)

    monkeypatch.setattr(sources.socket, "getaddrinfo", hang)
    begun = time.monotonic()
    assert sources.ThisMachine().resolves(("a.invalid", "b.invalid")) is False
    assert time.monotonic() - begun < 15  # the resolver itself would have taken 20
    never.set()
