"""Whole runs of ``tether up`` with a stand-in for the engine: what is called, what is left, which exit code."""

import datetime
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.unit.authority.making import chain
from tests.unit.cli.engine_bench import Bench, always, tether
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import (
    STACK_YAML,
    SUFFIX,
    calls,
    checkout,
    cluster,
    exported,
    random_id,
    resource,
    stack,
    write_state,
)  # fmt: skip
from tests.unit.compatibility.making import RELEASED
from tests.unit.preflight.test_checks import GOOD
from tether import parts
from tether.cli import locks, project, records, room, variables
from tether.cli import up as up_module
from tether.cli.forms import Form
from tether.settings import ContainerRuntime


def test_up_makes_the_stack_runs_the_engine_and_shows_the_endpoints(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tether(monkeypatch, ["up"]) == 0
    assert bench.calls() == ["stack init", "up", "stack output"]
    assert bench.built == 1
    assert "Mesh mesh1 is up: 2 clusters, 5 resources changed" in capfd.readouterr().out
    assert records.read(bench.place) == records.Record(frozenset({SUFFIX}), 2)


def test_up_writes_kubeconfigs_that_only_the_owner_reads(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.place.kubeconfigs.mkdir(parents=True)
    (bench.place.kubeconfigs / "gone").touch()
    assert tether(monkeypatch, ["up"]) == 0
    files = {path.name: path for path in bench.place.kubeconfigs.iterdir()}
    assert set(files) == {"cluster1", "cluster2"}
    assert files["cluster2"].read_text() == "token: two"
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}


def test_up_again_asks_the_engine_for_nothing_but_the_update(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    (bench.bin / "calls").unlink()
    capfd.readouterr()
    assert tether(monkeypatch, ["up", "--output", "json"]) == 0
    assert bench.calls() == ["up"]
    document = json.loads(capfd.readouterr().out)
    assert document["changes"] == 0
    assert document["endpoints"] == OUTPUTS["endpoints"]


def test_a_refresh_is_asked_of_the_engine_only_when_it_is_wanted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tether(monkeypatch, ["up"]) == tether(monkeypatch, ["up", "--refresh"]) == 0

    assert ["--refresh" in line for line in calls(bench.bin) if line.startswith("up ")] == [False, True]


def test_up_with_bad_settings_ends_with_2_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.place.stack_file.write_text(STACK_YAML.replace("network2", "network1"))
    assert tether(monkeypatch, ["up"]) == 2
    captured = capfd.readouterr()
    assert "tether:clusters[1].network" in captured.err
    assert captured.out == ""
    assert bench.calls() == []
    assert bench.built == 0


def hand_out(bench: Bench, file: str) -> None:
    bench.place.stack_file.write_text(
        f"{STACK_YAML}  tether:certificateAuthority:\n    source: generated\n    rootKeyFile: {file}\n"
    )


@pytest.mark.parametrize(("file", "says"), [("key.pem", "exists already"), ("none/key.pem", "mkdir -p -m 700")])
def test_up_that_could_not_hand_out_the_root_s_key_ends_with_2_before_the_engine_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: str, says: str
) -> None:
    hand_out(bench, file)
    (bench.place.root / "key.pem").write_text("of another root")
    assert tether(monkeypatch, ["up"]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert "up" not in bench.calls()


def test_a_root_that_is_there_already_has_its_file_and_that_is_right(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = resource("tether:index:CertificateChain", "mesh")
    bench.after_up(exported(stack(**OUTPUTS), random_id(), cluster("cluster1"), cluster("cluster2"), root))
    hand_out(bench, "key.pem")
    assert tether(monkeypatch, ["up"]) == 0
    (bench.place.root / "key.pem").write_text("of this root")
    assert tether(monkeypatch, ["up"]) == 0


def test_up_with_an_authority_that_istiod_could_not_use_ends_with_2_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain(2, days=-1, since=-2)
    for name, text in (("c.pem", made[0].pem), ("k.pem", made[1].key_pem), ("r.pem", made[1].pem)):
        (bench.place.root / name).write_text(text)
    bench.place.stack_file.write_text(
        f"{STACK_YAML}  tether:certificateAuthority:\n    source: provided\n    caCert: c.pem\n    caKey: k.pem\n"
        "    rootCert: r.pem\n"
    )
    assert tether(monkeypatch, ["up"]) == 2
    said = capsys.readouterr().err
    assert "2 problems in the settings; nothing was created." in said
    assert "pulumi config set --secret --path 'tether:certificateAuthority.caKey' < FILE" in said
    assert (bench.built, bench.calls()) == (0, [])


@pytest.mark.parametrize("is_made", [False, True], ids=["no stack yet", "a stack"])
def test_settings_that_are_refused_before_there_is_a_stack_say_how_pulumi_comes_to_set_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_made: bool
) -> None:
    """Observed: ``pulumi config set``, typed as shown, ended with "no stack selected"."""
    if is_made:
        write_state(bench.place, exported(stack()))
    bench.place.stack_file.write_text(STACK_YAML.replace("role: primary", "role: remote"))
    assert tether(monkeypatch, ["up"]) == 2
    said = capsys.readouterr().err
    assert "Fix: pulumi config set" in said
    assert ("pulumi stack select --create kind" in said) is not is_made


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_up_warns_of_a_signing_key_that_lies_open_in_the_stack_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], is_encrypted: bool
) -> None:
    made = chain(2, now=datetime.datetime.now(datetime.UTC))
    document = yaml.safe_load(STACK_YAML)
    document["config"]["tether:certificateAuthority"] = {
        "source": "provided", "caCert": made[0].pem, "rootCert": made[1].pem,
        "caKey": {"secure": "v1:abc"} if is_encrypted else made[0].key_pem,
    }  # fmt: skip
    bench.place.stack_file.write_text(yaml.safe_dump(document))
    assert tether(monkeypatch, ["up"]) == 0
    said = capfd.readouterr().err
    assert ("lies unencrypted in stacks/Pulumi.kind.yaml" in said) is not is_encrypted
    assert made[0].key_pem.splitlines()[1] not in said


def test_up_on_a_machine_that_is_too_small_ends_with_3_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.facts = replace(GOOD, memory_available=1, runtimes={}, inotify_watches=1)
    assert tether(monkeypatch, ["up"]) == 3
    error = capfd.readouterr().err
    assert "2 findings; nothing was created" in error
    assert "memory" in error
    assert "container runtime" in error
    assert "warning: fs.inotify.max_user_watches" in error
    assert bench.calls() == []
    assert bench.built == 0


def test_clusters_that_another_checkout_made_need_no_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETHER_BACKEND_URL", "s3://bucket")
    parts.write(RELEASED, bench.place.root / parts.FILE)
    bench.facts = replace(GOOD, inotify_free=0)
    assert tether(monkeypatch, ["up"]) == 3
    state = bench.place.state / "stacks" / "tether" / "kind.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text((bench.bin / "after-up.json").read_text())
    assert tether(monkeypatch, ["up"]) == 0


def test_who_shares_a_state_asks_the_engine_for_it_once_there_is_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TETHER_BACKEND_URL", (bench.bin / "state").as_uri())
    asked: list[int] = []
    monkeypatch.setattr(room, "_made_from_elsewhere", lambda _: asked.append(bench.built) or 2)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]

    tether(monkeypatch, ["up"])

    assert asked == [1]


def test_up_beside_another_run_ends_with_4(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with locks.alone(bench.place):
        assert tether(monkeypatch, ["up"]) == 4
    assert bench.calls() == []


def test_up_without_a_project_ends_with_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tether(monkeypatch, ["up"]) == 6


def test_up_that_fails_half_way_ends_with_1_and_keeps_a_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.bin / "fail").touch()
    bench.after_up(exported(stack(), random_id(), cluster("cluster1")))
    assert tether(monkeypatch, ["up"]) == 1
    assert records.read(bench.place) == records.Record(frozenset({SUFFIX}), 1)


def test_unknown_options_end_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tether(monkeypatch, ["up", "--nope"]) == 2


def test_up_goes_on_after_a_killed_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    node = f"cluster1-{SUFFIX}-control-plane"
    bench.things["ps"] = [node, "web"]
    write_state(bench.place, exported(stack(), random_id(), pending=[("creating", cluster("cluster1"))]))
    assert tether(monkeypatch, ["up"]) == 0
    assert bench.calls() == ["stack import", "up", "stack output"]


def test_env_prints_lines_for_a_shell(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "environment", always({"PULUMI_STACK": "kind", "PATH": "/a b:/c"}))
    assert tether(monkeypatch, ["env"]) == 0
    assert capfd.readouterr().out == "export PULUMI_STACK=kind\nexport PATH='/a b:/c'\n"


def test_env_in_an_environment_takes_the_users_passphrase_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "environment", always({"PULUMI_STACK": "pr-1"}))
    variables.show(replace(bench.place, environment="pr-1"), Form.TEXT)
    assert capfd.readouterr().out == "unset PULUMI_CONFIG_PASSPHRASE\nexport PULUMI_STACK=pr-1\n"


def test_make_help_names_every_target() -> None:
    root = Path(__file__).parents[3]
    shown = subprocess.run(["make", "-C", str(root), "help"], capture_output=True, text=True, check=True).stdout
    phony = next(line for line in (root / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    for target in phony.split()[1:]:
        assert f" {target}" in shown.replace("\033[1m", "")


@pytest.mark.parametrize(
    ("written", "asked"),
    [("", ContainerRuntime.AUTO), ("  tether:containerRuntime: podman\n", ContainerRuntime.PODMAN)],
)
def test_the_tools_are_made_for_the_runtime_that_the_settings_name(
    written: str, asked: ContainerRuntime, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.place.stack_file.write_text(STACK_YAML.replace("config:\n", f"config:\n{written}"))

    assert tether(monkeypatch, ["up"]) == 0

    assert (bench.built, bench.runtime_asked_for) == (1, asked)


@pytest.mark.parametrize(
    ("runtime", "told"),
    [(ContainerRuntime.AUTO, []), (ContainerRuntime.DOCKER, ["--container-runtime", "docker"])],
)
def test_the_toolchain_is_told_of_a_runtime_that_the_settings_name(
    runtime: ContainerRuntime, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)

    up_module.build_tools(checkout(tmp_path), runtime)

    assert commands == [[sys.executable, "-m", "toolchain", "build", *told]]
