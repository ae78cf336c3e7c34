import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tether import versions
from toolchain import build, charts, install, node, runtime
from toolchain.places import PACKAGE, Cache, Checkout
from toolchain.runtime import NoRuntimeError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "artefact" / "program"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_link_replaces_whatever_was_there(tmp_path: Path, target: Path):
    place = tmp_path / "bin" / "program"
    place.parent.mkdir()
    place.write_text("old")
    install.link(place, target)
    assert place.resolve() == target
    install.link(place, target)
    assert [path.name for path in place.parent.iterdir()] == ["program"]


def test_the_engine_is_a_file_of_its_own_so_that_it_finds_the_host_beside_it(tmp_path: Path, target: Path):
    place = tmp_path / "bin" / "pulumi"
    install.place_beside(place, target)
    assert not place.is_symlink()
    assert place.samefile(target)
    other = target.with_name("newer")
    other.write_text("#!/bin/sh\nexit 0\n")
    install.place_beside(place, other)
    assert place.read_text() == other.read_text()


def test_where_the_disk_cannot_link_the_engine_is_copied_once(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(self: Path, target: Path) -> None:
        raise OSError("another disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    place = tmp_path / "bin" / "pulumi"
    install.place_beside(place, target)
    first = place.stat().st_ino
    assert os.access(place, os.X_OK)
    install.place_beside(place, target)
    assert place.stat().st_ino == first


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """One that leaves a temporary file and says where."""
    clone, program = Checkout(tmp_path / "a project's folder"), tmp_path / "the program"
    program.write_text('#!/bin/sh\necho secret >"$TMPDIR/kubeconfig"; echo "$TMPDIR" "$@"\n')
    program.chmod(0o755)
    install.install_plugin(clone, versions.PULUMI_RANDOM, program)
    name = f"plugins/resource-random-v{versions.PULUMI_RANDOM.version}/pulumi-resource-random"
    return clone.pulumi_home / name


def ran(plugin: Path, home: Path | None) -> Path:
    environment = {name: value for name, value in os.environ.items() if name != "PULUMI_HOME"}
    if home:
        environment["PULUMI_HOME"] = str(home)
    done = subprocess.run([plugin, "127.0.0.1:1"], capture_output=True, text=True, env=environment, check=True)
    folder, _, rest = done.stdout.rpartition(" ")
    assert rest == "127.0.0.1:1\n"
    return Path(folder)


def test_a_plugin_lies_where_the_engine_looks_for_exactly_its_version_and_keeps_its_files_private(
    plugin: Path, tmp_path: Path
):
    folder = ran(plugin, tmp_path / "home")

    assert folder.parent == tmp_path / "home" / "plugin-files"
    assert folder.stat().st_mode & 0o077 == 0
    assert ran(plugin, None).parent == plugin.parents[2] / "plugin-files"


def test_what_plugins_left_is_removed_by_the_next_one_but_not_from_one_that_runs(plugin: Path, tmp_path: Path):
    first = ran(plugin, tmp_path / "home")
    running = first.with_name(str(os.getpid()))
    running.mkdir()

    second = ran(plugin, tmp_path / "home")

    assert sorted(first.parent.iterdir()) == sorted([running, second])


def test_a_plugin_that_was_a_link_is_written_beside_what_it_led_to(tmp_path: Path, target: Path):
    clone, before = Checkout(tmp_path), target.read_bytes()
    place = clone.pulumi_home / f"plugins/resource-random-v{versions.PULUMI_RANDOM.version}/pulumi-resource-random"
    install.link(place, target)

    install.install_plugin(clone, versions.PULUMI_RANDOM, target)

    assert not place.is_symlink()
    assert target.read_bytes() == before


def test_the_language_host_starts_with_the_projects_own_python(tmp_path: Path):
    clone = Checkout(tmp_path / "a project's folder")
    clone.interpreter.parent.mkdir(parents=True)
    clone.interpreter.symlink_to(sys.executable)
    (clone.root / "toolchain").mkdir()
    (clone.root / "toolchain" / "language_host.py").write_text("import sys; print('host', *sys.argv[1:])")
    install.write_launcher(clone)
    launcher = clone.programs / "pulumi-language-python"
    done = subprocess.run([launcher, "-x", "127.0.0.1:1"], capture_output=True, text=True, cwd="/", check=True)
    assert done.stdout == "host -x 127.0.0.1:1\n"


def test_a_charts_digest_follows_names_and_contents_only(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name / "templates").mkdir(parents=True)
        (tmp_path / name / "templates" / "a.yaml").write_text("kind: X")
    same = build.tree_digest(tmp_path / "one")
    assert build.tree_digest(tmp_path / "two") == same
    (tmp_path / "two" / "templates" / "a.yaml").write_text("kind: Y")
    assert build.tree_digest(tmp_path / "two") != same


def test_a_chart_gets_the_version_of_the_mesh(tmp_path: Path):
    chart = tmp_path / "Chart.yaml"
    chart.write_text("apiVersion: v2\nname: base\nversion: 1.0.0\nappVersion: 1.0.0\n# version: untouched\n")
    charts._stamp(chart, versions.DEFAULT_LINE)  # pyright: ignore[reportPrivateUsage]
    line, _, commit = versions.ISTIO.version.partition("-")
    wanted = f"{line}.0-{commit}"
    assert chart.read_text() == (
        f"apiVersion: v2\nname: base\nversion: {wanted}\nappVersion: {wanted}\n# version: untouched\n"
    )


def test_a_chart_that_is_another_one_is_not_patched_silently(tmp_path: Path):
    values = tmp_path / "values.yaml"
    values.write_text(f"speaker:\n{charts.METALLB_FRR}")
    charts._replace(values, charts.METALLB_FRR, ("true", "false"))  # pyright: ignore[reportPrivateUsage]
    assert values.read_text() == "speaker:\n  frr:\n    enabled: false\n"
    with pytest.raises(ValueError, match="not once"):
        charts._replace(values, charts.METALLB_FRR, ("true", "false"))  # pyright: ignore[reportPrivateUsage]


def test_the_node_images_tag_is_the_digest_of_what_goes_in():
    image = node.node_image(versions.DEFAULT_LINE)
    assert node.reference(versions.DEFAULT_LINE).endswith(image.digest)
    assert {need.name for need in image.needs} >= {"pod-images", "kubernetes", "debian-node"}


@pytest.mark.parametrize("script", sorted(PACKAGE.glob("recipes/**/*.sh")), ids=lambda path: path.name)
def test_every_recipe_is_a_script_that_stops_at_the_first_error(script: Path):
    subprocess.run(["bash", "-n", script], check=True)
    assert "set -euo pipefail" in script.read_text()


def fake_program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def told(client: str, server: str = "") -> str:
    """What ``version`` answers, for a shell; Podman on the machine itself names no server."""
    return shlex.quote(json.dumps({"Client": {"Version": client}, "Server": {"Version": server} if server else None}))


def named(found: runtime.Found) -> tuple[str, str]:
    return found.name, found.version


def test_the_daemon_is_asked_not_the_client_when_a_runtime_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    programs, cache = tmp_path / "bin", Cache(tmp_path / "cache")
    # As Docker 26 does it: "info" ends well without a daemon.
    fake_program(
        programs, "docker", "echo; echo Cannot connect to the Docker daemon >&2; [ $1 = info ] && exit 0; exit 1"
    )
    fake_program(programs, "podman", f'[ -f "$CONTAINERS_CONF" ] && echo {told(client="4.3.1")}')
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.delenv(runtime.VARIABLE, raising=False)
    assert named(runtime.find(cache)) == ("podman", "4.3.1")
    fake_program(programs, "docker", f"echo {told(client='28.0.0')}")
    assert named(runtime.find(cache)) == ("podman", "4.3.1"), "Docker's client is none that starts containers"
    fake_program(programs, "docker", f"echo {told(client='28.0.0', server='27.0.1')}")
    assert named(runtime.find(cache)) == ("docker", "27.0.1")


@pytest.mark.parametrize(
    ("asked", "recorded", "variable", "expected", "why"),
    [
        ("", "", "", "docker", "docker is asked first"),
        ("", "", "podman", "podman", "KIND_EXPERIMENTAL_PROVIDER names it"),
        ("", "", "nerdctl", "docker", "docker is asked first"),
        ("", "podman", "docker", "podman", "took it before"),
        ("docker", "podman", "podman", "docker", "tether:containerRuntime names it"),
    ],
)
def test_where_both_runtimes_answer_a_choice_stands_until_the_settings_name_another(
    asked: str, recorded: str, variable: str, expected: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in runtime.NAMES:
        fake_program(tmp_path / "bin", name, f"echo {told(client='1.2.4', server='1.2.3')}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv(runtime.VARIABLE, variable)
    found = runtime.find(Cache(tmp_path / "cache"), asked, recorded)
    assert named(found) == (expected, "1.2.3")
    assert why in found.why


@pytest.mark.parametrize(
    ("asked", "recorded", "way_out"),
    [("docker", "podman", "name another one there"), ("", "docker", r"rm \.tether/parts\.json && make tools")],
)
def test_no_other_runtime_is_taken_in_the_place_of_a_chosen_one(
    asked: str, recorded: str, way_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_program(tmp_path / "bin", "docker", "echo; echo Cannot connect to the Docker daemon >&2; exit 1")
    fake_program(tmp_path / "bin", "podman", "echo 4.3.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(NoRuntimeError, match=f"docker: Cannot connect .*Start docker, or .*{way_out}"):
        runtime.find(Cache(tmp_path / "cache"), asked, recorded)


def test_without_any_runtime_each_ones_reason_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    programs = tmp_path / "bin"
    fake_program(programs, "docker", "echo Cannot connect to the daemon >&2; exit 1")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv(runtime.VARIABLE, raising=False)
    with pytest.raises(NoRuntimeError, match=r"docker: .*daemon; podman is not installed.*toolchain bootstrap"):
        runtime.find(Cache(tmp_path / "cache"))
