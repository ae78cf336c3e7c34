#!/usr/bin/env python3
"""Writes a comment under a pull request (GitHub) or merge request (GitLab), over the one of an earlier run.

    comment.py TITLE [FILE]

TITLE tells this comment from others of the same author; FILE holds the text, else the variable COMMENT. Which of the
two it is and where it answers is read from the variables that each sets in every job; the token is GITHUB_TOKEN, or
TETHER_COMMENT_TOKEN on GitLab. Standard library only, so that a job that holds a token runs nothing else.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 30
PAGE = 100
PAGES = 30
FAILED, USAGE = 1, 2


@dataclass(frozen=True)
class Forge:
    """Where comments are written."""

    comments: str
    """Address of the request's comments."""
    one: str
    """Address of a comment, without its number."""
    header: Mapping[str, str]
    """Holds the token."""
    change: str
    """Method that writes over a comment."""

    def ask(self, address: str, method: str = "GET", body: str | None = None) -> Any:
        """The answer, as JSON."""
        request = urllib.request.Request(  # noqa: S310 - the forge's own address, from its variables
            address,
            method=method,
            data=None if body is None else json.dumps({"body": body}).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "tether", **self.header},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.load(answer)

    def find(self, mark: str) -> int | None:
        """Number of the first comment that begins with the mark."""
        for page in range(1, PAGES + 1):
            listed = self.ask(f"{self.comments}?per_page={PAGE}&page={page}")
            for comment in listed:
                if (comment.get("body") or "").startswith(mark):
                    return int(comment["id"])
            if len(listed) < PAGE:
                return None
        return None

    def write(self, mark: str, text: str) -> None:
        """Write the comment, or over the one that has the mark."""
        known = self.find(mark)
        if known is None:
            self.ask(self.comments, "POST", f"{mark}\n{text}")
        else:
            self.ask(f"{self.one}/{known}", self.change, f"{mark}\n{text}")


def github(variables: Mapping[str, str]) -> Forge:
    """A pull request's comments are those of an issue."""
    base = f"{variables['GITHUB_API_URL']}/repos/{variables['GITHUB_REPOSITORY']}/issues"
    header = {"Authorization": f"Bearer {variables['GITHUB_TOKEN']}", "X-GitHub-Api-Version": "2022-11-28"}
    return Forge(f"{base}/{int(variables['PULL_REQUEST'])}/comments", f"{base}/comments", header, "PATCH")


def gitlab(variables: Mapping[str, str]) -> Forge:
    """They are notes of the merge request."""
    base = f"{variables['CI_API_V4_URL']}/projects/{int(variables['CI_MERGE_REQUEST_PROJECT_ID'])}"
    notes = f"{base}/merge_requests/{int(variables['CI_MERGE_REQUEST_IID'])}/notes"
    return Forge(notes, notes, {"PRIVATE-TOKEN": variables["TETHER_COMMENT_TOKEN"]}, "PUT")


def main(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Write one comment; returns the exit code."""
    if not 1 <= len(arguments) <= 2:
        return complain(f"one or two arguments are needed.\n\n{__doc__}", USAGE)
    title, *files = arguments
    try:
        text = Path(files[0]).read_text() if files else variables.get("COMMENT", "")
        if not text.strip():
            return complain("there is nothing to write: name a file, or set COMMENT", USAGE)
        forge = gitlab(variables) if variables.get("GITLAB_CI") else github(variables)
        forge.write(f"<!-- tether: {urllib.parse.quote(title)} -->", text)
    except KeyError as error:
        return complain(f"{error.args[0]} is not set. The pipeline's file sets it for its job", USAGE)
    except urllib.error.HTTPError as error:
        return complain(f"the comment was not written: {error.code} {error.reason}. May the token comment?", FAILED)
    except OSError as error:
        return complain(f"the comment was not written: {error}", FAILED)
    return 0


def complain(text: str, code: int) -> int:
    """Say why it failed; returns the exit code."""
    sys.stderr.write(f"error: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
