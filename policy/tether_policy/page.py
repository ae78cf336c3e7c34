"""The reference page of the policies, written from the policies themselves.

``python -m tether_policy.page > docs/reference/policies.md``
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from tether_policy.policy import Level, Policy
from tether_policy.registry import POLICIES

_INTRODUCTION = """\
# Policies

The pack in `policy/` judges what a program declares, before anything is made: `tether up --policy-pack policy`, or
`pulumi preview --policy-pack policy`. A violation of a `mandatory` policy refuses the run; `tether up` then ends with
exit code 5. One of an `advisory` policy is told, and the run goes on. How to use it:
[keep a platform's rules](../how-to/keep-a-platforms-rules.md).

Where a setting has the same rule, policy and settings call the same function: "same rule" names it. What the engine
does not know in a preview, an address for example, is judged in the update.

This page is written from the code (`python -m tether_policy.page`), and a test holds them equal.
"""
_CONFIGURATION = """\
## Configuration

A JSON file, given with `--policy-pack-config FILE`: by policy a level (`mandatory`, `advisory`, `disabled`), or an
object with `enforcementLevel` and the options of the policy. `all` gives every policy a level. The engine checks names
of options and types. This one says what holds when nothing is said:

```json
{}
```
"""


def render() -> str:
    """The page as Markdown."""
    table = ["| policy | what must hold | level |", "|---|---|---|"]
    table += [f"| [{one.name}](#{one.name}) | {one.title} | {one.level} |" for one in POLICIES]
    sections = [line for one in POLICIES for line in _section(one)]
    defaults = json.dumps({one.name: configuration(one) for one in POLICIES}, indent=2)
    return "\n".join([_INTRODUCTION, *table, "", *sections, _CONFIGURATION.format(defaults)])


def configuration(policy: Policy, level: Level | None = None) -> dict[str, Any]:
    """What the configuration says of one policy, options at their defaults.

    Args:
        policy: The policy.
        level: Its level; its own when left out.
    """
    return {"enforcementLevel": str(level or policy.level), **policy.chosen(None)}


def _section(policy: Policy) -> Iterator[str]:
    yield f"## {policy.name}\n"
    yield f"{policy.title[0].upper()}{policy.title[1:]}. {policy.why}\n"
    yield f"- **level** {policy.level}"
    yield f"- **looks at** {policy.looks_at}"
    if policy.same_rule:
        yield f"- **same rule** {', '.join(f'`{rule}`' for rule in policy.same_rule)}"
    if policy.options:
        yield "\n| option | type | default | what it says |\n|---|---|---|---|"
        for option in policy.options:
            yield f"| `{option.name}` | {option.schema['type']} | `{json.dumps(option.default)}` | {option.says} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(render())
