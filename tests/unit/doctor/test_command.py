"""``tether doctor`` as it is typed: options, exit codes, forms."""

import contextlib
import json
from collections.abc import Callable, Generator, Sequence

import pytest
import yaml
from typer.testing import CliRunner

from tests.unit.doctor.breaking import SECRET, drop, ghost
from tests.unit.doctor.fake_mesh import FakeMesh
from tether.cli import doctor as command
from tether.cli.forms import Output
from tether.cli.main import app
from tether.cli.target import Target
from tether.doctor.check import Severity
from tether.doctor.registry import CHECKS
from tether.errors import ExitCode, UsageError
from tether.mesh import Mesh


@pytest.fixture
def cli(mesh: FakeMesh, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Types a command about the mesh; exit code and standard output."""

    @contextlib.contextmanager
    def opened(target: Target) -> Generator[Mesh]:
        yield mesh.mesh

    monkeypatch.setattr(command, "opened", opened)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["doctor", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout

    return run


Cli = Callable[..., tuple[int, str]]


def test_a_healthy_mesh_ends_with_zero(cli: Cli) -> None:
    code, out = cli()

    assert code == ExitCode.OK
    assert out.rstrip().endswith("Healthy.")


@pytest.mark.parametrize("output", list(Output))
def test_an_unhealthy_mesh_ends_with_seven_in_every_form(mesh: FakeMesh, cli: Cli, output: Output) -> None:
    drop(SECRET, "primary")(mesh)

    code, out = cli("--output", output)

    assert code == ExitCode.UNHEALTHY
    assert "D11" in out


def test_json_alone_stands_on_standard_output(mesh: FakeMesh, cli: Cli) -> None:
    ghost(mesh)

    code, out = cli("-o", "json")

    assert (code, json.loads(out)["healthy"]) == (0, True)
    assert json.loads(out)["verdict"] == "Healthy, with 1 warning."


def test_a_warning_fails_who_asks_for_it(mesh: FakeMesh, cli: Cli) -> None:
    ghost(mesh)

    assert cli("--fail-on", "warning")[0] == ExitCode.UNHEALTHY
    assert cli("--fail-on", "error")[0] == ExitCode.OK


def test_an_open_question_fails_who_fails_on_warnings(mesh: FakeMesh, cli: Cli) -> None:
    mesh.remote.refuse(r"get /api/v1/nodes", "nodes")

    assert cli("--fail-on", "warning")[0] == ExitCode.UNHEALTHY
    assert cli()[0] == ExitCode.OK


def test_only_the_checks_that_are_named_are_asked(cli: Cli) -> None:
    _, out = cli("-o", "json", "--only", "d11", "--only", "D36")

    assert [(one["id"], one["subject"]) for one in json.loads(out)["findings"]] == [
        ("D11", "cluster2"), ("D36", "cluster1"), ("D36", "cluster2"),
    ]  # fmt: skip


def test_a_check_that_is_asked_alone_leaves_open_what_needs_another(mesh: FakeMesh, cli: Cli) -> None:
    drop(SECRET, "primary")(mesh)

    _, out = cli("-o", "json", "--only", "D12")

    (found,) = json.loads(out)["findings"]
    assert (found["status"], found["seen"]) == ("unknown", "there is no remote secret of cluster2 (D11)")


def test_every_check_that_there_is_not_is_named(cli: Cli) -> None:
    with pytest.raises(UsageError) as caught:
        cli("--only", "D99", "--only", "D11", "--only", "nonsense")

    assert [problem.shown for problem in caught.value.problems] == ["D99", "nonsense"]
    assert caught.value.problems[0].fix == "tether doctor --list"


def test_the_list_needs_no_mesh_and_has_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    out = CliRunner().invoke(app, ["doctor", "--list"]).stdout

    assert [line.split()[0] for line in out.splitlines()] == [check.id for check in CHECKS]
    assert "D31  after   warning  No remote secret is left of a cluster that is gone" in out


def test_the_list_as_json_has_a_schema_version() -> None:
    document = json.loads(CliRunner().invoke(app, ["doctor", "--list", "--output", "json"]).stdout)

    assert document["schemaVersion"] == 1
    first = document["checks"][0]
    assert first.keys() >= {"id", "title", "family", "severity", "symptom", "cause", "remedy", "needs", "page"}


def test_the_rights_are_printed_for_kubectl() -> None:
    out = CliRunner().invoke(app, ["doctor", "--rights", "--istio-namespace", "istio-prod"]).stdout

    assert {one["metadata"].get("namespace", "istio-prod") for one in yaml.safe_load_all(out)} == {"istio-prod"}


def test_watching_is_for_eyes_only(cli: Cli) -> None:
    with pytest.raises(UsageError, match="--watch shows changes as they come"):
        cli("--watch", "--output", "json")


def watched(monkeypatch: pytest.MonkeyPatch, steps: Sequence[Callable[[], object]]) -> None:
    """Do one step in each pause of the watch, then press Ctrl-C."""
    left = list(steps)

    def sleep(seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    monkeypatch.setattr("tether.cli.doctor.time.sleep", sleep)


def test_the_watch_shows_what_breaks_and_what_is_mended(
    mesh: FakeMesh, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = mesh.primary.objects[SECRET]
    watched(monkeypatch, [
        lambda: mesh.primary.objects.pop(SECRET), lambda: None, lambda: mesh.primary.objects.update({SECRET: kept}),
    ])  # fmt: skip

    code, out = cli("--watch")

    changes = out[out.index("Healthy.") :]
    assert changes.count("D11 cluster2: wrong: no Secret in istio-system") == 1
    assert "istioctl create-remote-secret" in changes
    assert "D11 cluster2: ok: Secret istio-remote-secret-cluster2 with key cluster2" in changes
    assert "D12 cluster2: muted" not in changes
    assert code == ExitCode.OK


def test_the_watch_ends_with_the_last_state_s_exit_code(
    mesh: FakeMesh, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(monkeypatch, [lambda: mesh.primary.objects.pop(SECRET)])

    assert cli("--watch")[0] == ExitCode.UNHEALTHY


def test_a_cause_that_takes_the_place_of_another_is_a_change(mesh: FakeMesh) -> None:
    before = mesh.examine()
    drop(SECRET, "primary")(mesh)
    after = mesh.examine()

    assert [(one.check.id, one.status) for one in command.changes(before, after)] == [("D11", "wrong")]
    back = {one.check.id for one in command.changes(after, before)}
    assert {"D11", "D12", "D13"} <= back
    assert command.changes(after, after) == []


def test_the_exit_code_is_of_the_severity_that_was_asked_for(mesh: FakeMesh) -> None:
    ghost(mesh)
    found = mesh.examine()

    assert found.is_healthy()
    assert not found.is_healthy(fail_on=Severity.WARNING)
