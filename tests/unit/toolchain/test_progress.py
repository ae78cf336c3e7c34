import io
import re
import time

import pytest

from toolchain import progress
from toolchain.progress import LiveTable, PlainLines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_say_what_how_long_and_how_many_are_left():
    stream = io.StringIO()
    with progress.listener(stream) as listener:
        listener.planned(["kind", "pulumi"], ["envoy"])
        listener.started("kind")
        listener.waiting("kind")
        listener.finished("kind")
        listener.started("pulumi")
        listener.failed("pulumi", ValueError("x"))
    assert stream.getvalue().splitlines() == [
        "[tools] 2 parts to make, 1 there already: kind, pulumi",
        "[tools] kind: begun",
        "[tools] kind: another run is making it; waiting for that one",
        "[tools] kind: done in 0 s, 1 left",
        "[tools] pulumi: begun",
        "[tools] pulumi: failed in 0 s, 0 left",
    ]


def test_a_long_build_is_heard_of_again():
    stream = io.StringIO()
    listener = PlainLines(stream)
    listener.planned(["kubernetes", "kind"], [])
    listener.started("kubernetes")
    listener.begun["kubernetes"] = time.monotonic() - 75
    listener.tell_running()
    assert stream.getvalue().splitlines()[-1] == "[tools] still at kubernetes (1:15 min); 2 left"


def test_with_nothing_to_do_nothing_is_said():
    stream = io.StringIO()
    with progress.listener(stream) as listener:
        listener.planned([], ["kind"])
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_table_and_a_dumb_one_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(progress.listener(Terminal()), LiveTable)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.listener(Terminal()), PlainLines)


def shown(monkeypatch: pytest.MonkeyPatch, *, no_color: bool) -> str:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    table = LiveTable(stream)
    table.planned(["kind", "pulumi", "envoy"], [])
    table.started("kind")
    table.finished("kind")
    table.started("pulumi")
    table.started("envoy")
    table.waiting("envoy")
    table.console.print(table.table())
    return stream.getvalue()


def test_the_table_shows_what_ended_what_runs_and_how_many_are_left(monkeypatch: pytest.MonkeyPatch):
    text = re.sub(r"\x1b\[[\d;]*m", "", shown(monkeypatch, no_color=True))
    assert re.search(r"✓ +kind +done in 0 s", text)
    assert re.search(r"• +pulumi +0 s", text)
    assert "waiting for another run" in text
    assert "2 left" in text


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch):
    color = "\x1b[32m"
    assert color in shown(monkeypatch, no_color=False)
    assert color not in shown(monkeypatch, no_color=True)
