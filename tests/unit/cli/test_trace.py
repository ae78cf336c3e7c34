import io
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.trace.records import CERTIFICATE, DIAGNOSIS, REVIEW, TOKEN, failed, record
from tether.cli import trace as command
from tether.cli.forms import Drawing
from tether.cli.target import Target
from tether.errors import ExitCode, UsageError
from tether.trace import document, text
from tether.trace.record import Outcome, Record

HEALTHY = record()
BROKEN = record(TOKEN, failed(CERTIFICATE), REVIEW, diagnosis=DIAGNOSIS, diagnosed=True)
OUT_OF_REACH = record(
    TOKEN, failed(CERTIFICATE, "this machine has no way to 203.0.113.7:15012", outcome=Outcome.NO_WAY)
)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the next trace gives, and with what it was asked for."""
    found: dict[str, Any] = {"record": HEALTHY}

    @contextmanager
    def opened(target: Target) -> Generator[Any]:
        yield type("Mesh", (), {"remotes": ()})

    def play(mesh: Any, **asked: Any) -> Record:
        found["asked"] = asked
        return found["record"]

    monkeypatch.setattr(command, "opened", opened)
    monkeypatch.setattr(command, "play", play)
    return found


@pytest.mark.parametrize(
    ("given", "code"), [(HEALTHY, ExitCode.OK), (BROKEN, ExitCode.UNHEALTHY), (OUT_OF_REACH, ExitCode.FAILED)]
)
@pytest.mark.parametrize("output", list(Drawing))
def test_the_exit_code_says_how_it_ended_in_every_form(
    played: dict[str, Any], tmp_path: Path, given: Record, code: ExitCode, output: Drawing
) -> None:
    played["record"] = given

    assert command.trace(Target(), command.Wish(output=output, out=tmp_path / "out")) is code
    assert (tmp_path / "out").stat().st_size > 100


def test_the_json_on_standard_output_is_the_record(
    played: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    command.trace(Target(), command.Wish(output=Drawing.JSON))

    assert document.read(capfdbinary.readouterr().out.decode()) == HEALTHY


def test_a_kept_record_is_drawn_without_a_mesh(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    file.write_text(document.write(BROKEN))

    code = command.trace(Target(), command.Wish(record=file, output=Drawing.SVG, out=tmp_path / "trace.svg"))

    assert code is ExitCode.UNHEALTHY
    assert (tmp_path / "trace.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"schemaVersion": 7})])
def test_a_file_that_is_no_record_is_refused_with_the_way_to_make_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "trace.json"
    file.write_text(content)

    with pytest.raises(UsageError, match="tether trace --output json"):
        command.trace(Target(), command.Wish(record=file))


def test_a_token_file_is_shown_as_it_is_and_an_empty_one_as_none(played: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "token"
    for content, token in (("abc\n", "abc"), ("", "")):
        file.write_text(content)
        command.trace(Target(), command.Wish(token_file=file))
        assert played["asked"]["token"] == token
    command.trace(Target(), command.Wish())
    assert played["asked"]["token"] is None


def test_a_gateway_is_not_restarted_where_nobody_can_be_asked(
    played: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(UsageError, match="tether trace --gateway --yes"):
        command.trace(Target(), command.Wish(gateway=True))
    assert "asked" not in played


def test_a_picture_is_not_thrown_at_a_terminal(played: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    with pytest.raises(UsageError, match="--out FILE"):
        command.trace(Target(), command.Wish(output=Drawing.PNG))


def shown(one: Record) -> str:
    console = Console(file=io.StringIO(), width=200)
    text.show(one, console)
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]


def test_the_text_ends_with_the_first_failure_and_the_finding() -> None:
    said = shown(BROKEN)

    assert "Not authenticated. First failure in step 2, Sign my certificate request" in said
    assert "istiod's log: no Secret for this cluster" in said
    assert "Doctor: D11 west: not so: There is a remote secret" in said
    assert said.rstrip().endswith("istioctl create-remote-secret")


def test_the_text_of_a_healthy_run_ends_with_the_identity() -> None:
    assert shown(HEALTHY).rstrip().endswith("Authenticated: spiffe://cluster.local/ns/istio-system/sa/gateway")


def test_a_doctor_who_finds_nothing_says_so() -> None:
    assert "doctor finds nothing wrong" in shown(record(failed(CERTIFICATE), diagnosed=True))
