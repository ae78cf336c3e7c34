"""The reference page of results for programs and of exit codes, and the schemas beside it, written from the code.

``python -m tether.cli.page`` writes ``docs/reference/output.md`` and ``docs/reference/schemas/`` anew.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tether.cli import schema
from tether.cli.documents import COMMANDS, MODELS
from tether.cli.error_document import KILLED_BY, reason
from tether.document import kind_of
from tether.document import schema as schema_of
from tether.errors import ExitCode
from tether.kinds import Kind

FOLDER = Path("docs/reference")
PAGE = FOLDER / "output.md"
SCHEMAS = FOLDER / "schemas"

MEANINGS: Mapping[ExitCode, tuple[str, str]] = {
    ExitCode.OK: ("done, or nothing was to be done", "any"),
    ExitCode.FAILED: ("begun and not ended well; the message says how to go on", "any"),
    ExitCode.USAGE: ("the command line or the settings are wrong; nothing was begun", "any"),
    ExitCode.PREFLIGHT: ("the machine, the versions or a cluster cannot carry it; nothing was changed",
                         "`up`, `preview`, `down`, `remote remove`, `env up`, `env resume`"),
    ExitCode.LOCKED: ("another run works on the same stack",
                      "`up`, `down`, `remote remove`, `env up`, `env down`, `env pause`, `env resume`"),
    ExitCode.POLICY: ("a policy or the protection of the mesh forbids it; nothing was changed",
                      "`up`, `preview`, `down`, `remote remove`"),
    ExitCode.NOT_FOUND: ("the stack, the mesh or the tools are not there", "any"),
    ExitCode.UNHEALTHY: ("the mesh is not as it should be; the result says where",
                         "`doctor`, `trace`, `verify`, `drift`, `expiry`"),
    ExitCode.TIMED_OUT: ("it took longer than `--timeout`; what was made is recorded",
                         "`env up`, `env down`, `env resume`"),
}  # fmt: skip
"""What each exit code means, and which commands end with it."""

_INTRODUCTION = """\
# Output and exit codes

Standard output is the result, standard error the talk: progress, warnings, questions, errors. Colour and questions are
for terminals only.

This page is written from the code (`python -m tether.cli.page`), and a test holds them equal.

## Results for programs

`--output json` (`-o json`) works with every command, after the command or before it: `tether --output json up`.
Standard output is then one JSON document, also where the command fails, and where the command line itself is wrong. The
exit code is the same as without it. Errors stand on standard error as well.

Every document begins with `schemaVersion` and `kind`. The version is that of the kind's schema. It grows when a field
goes or changes its meaning; fields may be added at any time, so ignore those that you do not know. A kind never gets
another meaning.

| kind | given by | what it is | schema |
|---|---|---|---|
"""

_AFTER_KINDS = """
`tether schema KIND` prints the schema of a kind; `tether schema` alone that of the settings.

- With `--out FILE` of `trace`, `topology` and `schema` the document goes into the file; `topology` and `schema` print
  the file's name.
- `report` and `diagnose` write their file, and the document tells of it.
- A command that asks before it goes on asks on standard error; a program adds `--yes`.
- A command that failed after it had a result gives that, with the exit code of the failure: `remote remove` with
  `remnants`, `doctor`, `trace` and `verify` with what is wrong.
- `doctor --watch` is for eyes only.
- The other forms are named by `--help`: `junit` and `markdown`, `mermaid`, `svg` and `png`.

The documents of [trace](trace.md), [verify](verify.md) and [topology](topology.md) have pages of their own; that of
`tether up` holds the [outputs of the stack](outputs.md).

## Errors

| field | type | what it is |
|---|---|---|
"""

_BEFORE_CODES = """
All problems of one kind are told at once: every mistake in the settings is one of `problems`.

```json
{
  "schemaVersion": 1,
  "kind": "error",
  "exitCode": 2,
  "reason": "usage",
  "message": "1 problem in the settings; nothing was created.",
  "problems": [
    {
      "subject": "tether:meshId",
      "shown": "\\"My Mesh\\"",
      "wrong": "is no label value: letters, digits, '-', '_' and '.', at most 63, letter or digit at both ends",
      "why": "proxies carry it as a label",
      "fix": "pulumi config set 'tether:meshId' My-Mesh"
    }
  ]
}
```

## Exit codes

| code | reason | meaning | commands |
|---|---|---|---|
"""

_END = f"""\
| {KILLED_BY} + n | `interrupted` | signal n ended it: {KILLED_BY + 1} SIGHUP, {KILLED_BY + 2} SIGINT (Ctrl-C), \
{KILLED_BY + 15} SIGTERM | `verify`, `report --verify` |

`up`, `down` and `remote remove` that are interrupted end with 1: what was done is recorded, and the message names the
command that goes on.
"""


def render() -> str:
    """The page as Markdown."""
    return "".join([_INTRODUCTION, *_kinds(), _AFTER_KINDS, *_errors(), _BEFORE_CODES, *_codes(), _END])


def _kinds() -> Iterator[str]:
    for model, commands in COMMANDS.items():
        kind = kind_of(model)
        giver = ", ".join(f"`{command}`" if command.startswith("tether") else command for command in commands)
        said = " ".join((model.__doc__ or "").split())
        yield f"| `{kind}` | {giver} | {said} | [{kind}.json](schemas/{kind}.json) |\n"


def _errors() -> Iterator[str]:
    whole = schema_of(MODELS[Kind.ERROR])
    for prefix, properties in (("", whole["properties"]), ("problems[].", whole["$defs"]["Problem"]["properties"])):
        for name, entry in properties.items():
            if name not in ("schemaVersion", "kind"):
                yield f"| `{prefix}{name}` | {entry['type']} | {_line(entry)} |\n"


def _line(entry: Mapping[str, Any]) -> str:
    return " ".join(str(entry["description"]).split())


def _codes() -> Iterator[str]:
    for code in ExitCode:
        meaning, commands = MEANINGS[code]
        yield f"| {code.value} | `{reason(code)}` | {meaning} | {commands} |\n"


def write(root: Path) -> None:
    """Write the page and every schema."""
    (root / SCHEMAS).mkdir(parents=True, exist_ok=True)
    (root / PAGE).write_text(render())
    for kind in Kind:
        (root / SCHEMAS / f"{kind}.json").write_text(schema.text(kind))


if __name__ == "__main__":
    write(Path.cwd())
