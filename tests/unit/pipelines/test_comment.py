"""Comments at a server that answers as GitHub and GitLab do, for what is asked of it."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.forge import PIPELINES, Comments


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("comment", PIPELINES / "comment.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


comment = load()
Settings = Callable[..., dict[str, str]]


@pytest.fixture
def server() -> Iterator[Comments]:
    with Comments() as running:
        yield running


def of_github(server: Comments, **more: str) -> dict[str, str]:
    return {
        "GITHUB_API_URL": server.address, "GITHUB_REPOSITORY": "ours/mesh", "PULL_REQUEST": "12",
        "GITHUB_TOKEN": server.token, **more,
    }  # fmt: skip


def of_gitlab(server: Comments, **more: str) -> dict[str, str]:
    return {
        "GITLAB_CI": "true", "CI_API_V4_URL": server.address, "CI_MERGE_REQUEST_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_IID": "12", "TETHER_COMMENT_TOKEN": server.token, **more,
    }  # fmt: skip


@pytest.mark.parametrize("forge", [of_github, of_gitlab])
def test_the_first_run_writes_and_the_next_writes_over_it(server: Comments, forge: Settings, tmp_path: Path):
    server.bodies[1] = "somebody's own words"
    (tmp_path / "first.md").write_text("one change\n")
    assert comment.main(["preview", str(tmp_path / "first.md")], forge(server)) == 0
    assert comment.main(["preview"], forge(server, COMMENT="no change")) == 0
    assert server.bodies == {1: "somebody's own words", 2: "<!-- tether: preview -->\nno change"}


@pytest.mark.parametrize("forge", [of_github, of_gitlab])
def test_a_comment_is_found_behind_a_hundred_others(server: Comments, forge: Settings):
    server.bodies.update(dict.fromkeys(range(1, 131), "words"))
    server.bodies[120] = "<!-- tether: preview -->\nold"
    assert comment.main(["preview"], forge(server, COMMENT="new")) == 0
    assert server.bodies[120] == "<!-- tether: preview -->\nnew"
    assert len(server.bodies) == 130


def test_comments_of_another_title_stay(server: Comments):
    for title in ("preview", "preview of east -->"):
        assert comment.main([title], of_github(server, COMMENT=title)) == 0
    assert len(server.bodies) == 2
    assert not any("-->" in body.splitlines()[0].removesuffix("-->") for body in server.bodies.values())


def test_a_token_that_may_not_is_one_sentence_without_the_token(server: Comments, capsys: pytest.CaptureFixture[str]):
    assert comment.main(["preview"], of_github(server, COMMENT="x", GITHUB_TOKEN="other-token")) == 1
    said = capsys.readouterr().err
    assert "403" in said
    assert "May the token comment?" in said
    assert "other-token" not in said


@pytest.mark.parametrize(
    ("arguments", "variables", "word"),
    [
        ([], {}, "comment.py TITLE [FILE]"),
        (["preview"], {}, "nothing to write"),
        (["preview"], {"COMMENT": "x"}, "GITHUB_API_URL is not set"),
        (["preview"], {"COMMENT": "x", "GITLAB_CI": "true"}, "CI_API_V4_URL is not set"),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str], variables: dict[str, str], word: str, capsys: pytest.CaptureFixture[str]
):
    assert comment.main(arguments, variables) == 2
    assert word in capsys.readouterr().err


def test_a_file_that_is_not_there_is_one_sentence(server: Comments, capsys: pytest.CaptureFixture[str]):
    assert comment.main(["preview", "no-such.md"], of_github(server)) == 1
    assert "no-such.md" in capsys.readouterr().err
