"""Jobs of GitHub's and GitLab's pipelines, run here: their own steps, in a clean home and environment.

What a forge does around the steps is done as it documents it: expressions, outputs, summaries, extends. Whatever the
files use beyond that is an error here, not skipped.
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import yaml

from tether.cli import stack_file

PROJECT = Path(__file__).parents[1]
PIPELINES = PROJECT / "pipelines"
CHECKOUT = "actions/checkout@"
STEP_SECONDS = 500
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_KEPT = re.compile(r"PATH|LANG|TMPDIR|SSL_.*|REQUESTS_CA_BUNDLE|PIP_.*|UV_.*|GOPROXY|.*_proxy|.*_PROXY")
"""Of this machine's environment: what says where programs and packages are, and nothing of the user."""


@dataclass(frozen=True)
class Step:
    """One step and what came of it."""

    name: str
    code: int
    said: str


@dataclass
class Job:
    """What a job did: its steps up to the first that failed, those that run always, and what it handed on."""

    steps: list[Step] = field(default_factory=list[Step])
    outputs: dict[str, str] = field(default_factory=dict[str, str])
    summary: str = ""

    @property
    def failed(self) -> list[Step]:
        return [step for step in self.steps if step.code]

    @property
    def said(self) -> str:
        return "\n".join(f"== {step.name} ({step.code})\n{step.said}" for step in self.steps)


def clone(folder: Path) -> Path:
    """What a checkout has of the project as it is: every file that git knows or would add."""
    listed = subprocess.run(
        ["git", "-C", PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    for file in (folder / "stacks").glob("Pulumi.*.yaml"):
        # It is of the passphrase of this checkout, where a stack stands.
        file.write_text(stack_file.without_salt(file.read_text()))
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


LEVELS = "policies.json"


def write_levels(checkout: Path) -> None:
    """Have the policy advise only that a stack of kind clusters breaks: it names nobody who may reach a gateway."""
    (checkout / LEVELS).write_text('{"gateway-source-ranges": "advisory"}')


def clean(home: Path) -> dict[str, str]:
    """The environment of a runner that was never used, but for the tools in this user's cache."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    own = str(PROJECT / ".venv")
    kept["PATH"] = os.pathsep.join(one for one in kept["PATH"].split(os.pathsep) if not one.startswith(own))
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {**kept, "HOME": str(home), "XDG_CACHE_HOME": cache, "CI": "true"}


def github(file: str) -> dict[str, Any]:
    """A workflow."""
    return yaml.load((PIPELINES / "github" / file).read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - "on" is a word


def run_on_github(
    file: str, job: str, *, folder: Path, home: Path, known: Mapping[str, str], variables: Mapping[str, str]
) -> Job:
    """Run a job's steps.

    Args:
        file: of the workflow.
        job: its key.
        folder: the checkout.
        home: of the runner.
        known: what every expression stands for, by its text.
        variables: what GitHub itself sets, beside what it always does.
    """
    described = github(file)["jobs"][job]
    files = {name: home / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
    environment = {**clean(home), "GITHUB_ACTIONS": "true", **variables, **_filled(described.get("env", {}), known)}
    done = Job()
    for number, step in enumerate(described["steps"]):
        if "uses" in step:
            assert step["uses"].startswith(CHECKOUT), f"nothing here can run {step['uses']}"
            continue
        if done.failed and step.get("if") != "!cancelled()":
            continue
        own = {
            **environment,
            **{name: str(path) for name, path in files.items()},
            **_filled(step.get("env", {}), known),
        }
        for path in files.values():
            path.write_text("")
        script = home / f"step{number}.sh"
        script.write_text(step["run"])
        # As documented for "run": without a shell that is named, no pipefail.
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") else ["bash", "-e"]
        done.steps.append(_run([*shell, str(script)], step.get("name", step["run"]), folder, own))
        done.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        environment |= dict(_handed_on(files["GITHUB_ENV"]))
        done.outputs |= {f"{step.get('id')}.{name}": text for name, text in _handed_on(files["GITHUB_OUTPUT"])}
    return done


def _filled(written: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    return {name: _EXPRESSION.sub(lambda found: known[found[1]], text) for name, text in written.items()}


def _handed_on(file: Path) -> Iterator[tuple[str, str]]:
    """Names and values in a file of GitHub's: ``name=value`` or ``name<<END``, lines, ``END``."""
    lines = iter(file.read_text().splitlines())
    for line in lines:
        if "<<" in line and "=" not in line.partition("<<")[0]:
            name, _, end = line.partition("<<")
            value: list[str] = []
            for inner in lines:
                if inner == end:
                    break
                value.append(inner)
            yield name, "\n".join(value)
        else:
            name, _, text = line.partition("=")
            yield name, text


def gitlab(file: str) -> dict[str, Any]:
    """A file with everything that it includes."""
    written = cast("dict[str, Any]", yaml.safe_load((PIPELINES / "gitlab" / file).read_text()))
    whole: dict[str, Any] = {}
    for one in written.pop("include", []):
        assert set(one) == {"local"}, f"nothing here can include {one}"
        whole |= gitlab(Path(one["local"]).name)
    return whole | written


def gitlab_job(file: str, name: str) -> dict[str, Any]:
    """A job with what it extends: mappings are merged, everything else is replaced."""
    whole = gitlab(file)
    job = dict(whole[name])
    if parent := job.pop("extends", None):
        for key, value in whole[parent].items():
            job[key] = {**value, **job.get(key, {})} if isinstance(value, dict) else job.get(key, value)
    return job


def run_on_gitlab(file: str, name: str, *, folder: Path, home: Path, variables: Mapping[str, str]) -> Job:
    """Run a job's scripts.

    Args:
        file: that the job is in.
        name: of the job.
        folder: the checkout.
        home: of the runner.
        variables: those of the project, and what GitLab itself sets.
    """
    job = gitlab_job(file, name)
    environment = {**clean(home), "GITLAB_CI": "true", **variables}
    for key, text in job.get("variables", {}).items():
        environment[key] = re.sub(r"\$(\w+)", lambda found: environment.get(found[1], ""), text)
    done = Job()
    parts = [("script", [*job.get("before_script", []), *job["script"]]), ("after_script", job.get("after_script", []))]
    for part, lines in parts:
        script = home / f"{part}.sh"
        # One shell for all lines, as the runner makes it of them.
        script.write_text("set -eo pipefail\nset +o noclobber\n" + "\n".join(lines) + "\n")
        done.steps.append(_run(["bash", str(script)], part, folder, environment))
    return done


def _run(command: list[str], name: str, folder: Path, environment: Mapping[str, str]) -> Step:
    ran = subprocess.run(
        command, cwd=folder, env=environment, timeout=STEP_SECONDS, check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Step(name, ran.returncode, ran.stdout)


class Comments(ThreadingHTTPServer):
    """The part of GitHub's and GitLab's HTTP interface that comments are written through."""

    daemon_threads = True
    github = re.compile(r"/repos/ours/mesh/issues/(?:12/comments|comments/(\d+))")
    gitlab = re.compile(r"/projects/7/merge_requests/12/notes(?:/(\d+))?")
    token = "token-for-comments"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.bodies: dict[int, str] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Comments":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server = cast("Comments", self.server)
        path, _, query = self.path.partition("?")
        server.asked.append(self.command)
        found = server.github.fullmatch(path)
        shown = self.headers.get("Authorization") if found else self.headers.get("PRIVATE-TOKEN")
        found = found or server.gitlab.fullmatch(path)
        if not found or shown not in (server.token, f"Bearer {server.token}"):
            self._send(403 if found else 404, {"message": "no"})
            return
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}").get("body", "")
        if self.command == "GET":
            pages = dict(pair.split("=") for pair in query.split("&"))
            size, page = int(pages["per_page"]), int(pages["page"])
            listed = [{"id": number, "body": text} for number, text in server.bodies.items()]
            self._send(200, listed[size * (page - 1) : size * page])
        elif self.command == "POST":
            server.bodies[len(server.bodies) + 1] = body
            self._send(201, {"id": len(server.bodies)})
        else:
            server.bodies[int(found[1])] = body
            self._send(200, {"id": int(found[1])})

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - the base class's names

    def _send(self, code: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests say what they want to know."""
