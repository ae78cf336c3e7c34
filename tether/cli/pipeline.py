"""Commands that pipelines run on a schedule and on every change: what would change, what did, what ends."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tether.cli import project
from tether.cli.forms import Comment
from tether.cli.target import PolicyPackConfigOption, PolicyPackOption, StackOption

CommentOption = Annotated[
    Comment, typer.Option("--output", "-o", help="Form of the result; markdown is for a comment.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="File to write; by default standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (preview, drift, expiry):
        app.command()(command)


def preview(
    stack: StackOption = None,
    output: CommentOption = Comment.TEXT,
    out: OutOption = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="First look at what is really there.")] = False,
    policy_pack: PolicyPackOption = None,
    policy_pack_config: PolicyPackConfigOption = None,
) -> None:
    """Say what `tether up` would make, change and remove, and which policies it breaks. Changes nothing.

    Exit code 5 where a mandatory policy refuses it.
    """
    from tether.cli import preview as command
    from tether.cli.policy import Packs

    packs = Packs(policy_pack or (), policy_pack_config or ())
    wish = command.Wish(output=output, out=out, refresh=refresh, packs=packs)
    sys.exit(command.preview(project.find(Path.cwd(), stack), wish))


def drift(
    stack: StackOption = None,
    output: CommentOption = Comment.TEXT,
    out: OutOption = None,
) -> None:
    """Say what is not as `tether up` left it, because somebody changed or removed it. Changes nothing.

    Exit code 7 where something has drifted. It is mended by: tether up --refresh
    """
    from tether.cli import preview as command

    wish = command.Wish(output=output, out=out, drift=True)
    sys.exit(command.preview(project.find(Path.cwd(), stack), wish))


def expiry(
    stack: StackOption = None,
    within: Annotated[
        str, typer.Option("--within", help="What ends sooner is a finding: 30d, 12h, 2w.", metavar="TIME")
    ] = "30d",
    output: CommentOption = Comment.TEXT,
    out: OutOption = None,
) -> None:
    """Say when certificates of the CA, credentials of remotes and access to clusters end, and how each is renewed.

    Exit code 7 where something ends soon. Reads the stack's state and asks no cluster.
    """
    from tether.cli import expiry as command

    sys.exit(command.expiry(project.find(Path.cwd(), stack), within, output, out))
