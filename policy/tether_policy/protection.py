"""A protected mesh stays."""

import fnmatch
from collections.abc import Iterator, Sequence

from tether import protection
from tether.errors import Problem
from tether.settings.wording import fix
from tether_policy.policy import PROJECT, Declared, Option, Options, Policy, Violation

_WHY = "deletion takes every cluster, or the root that all clusters trust, and cannot be undone"


def _stays(resources: Sequence[Declared], options: Options) -> Iterator[Violation]:
    if not resources or not any(fnmatch.fnmatchcase(resources[0].stack, pattern) for pattern in options["stacks"]):
        return
    if not any(one.type == protection.MESH for one in resources):
        yield resources[0].urn, Problem(
            subject=f"stack {resources[0].stack}", wrong="declares no mesh any more, and its mesh is protected",
            why=_WHY, fix="Put the Mesh back into the program; a mesh that is to go needs another configuration.",
        )  # fmt: skip
    for one in resources:
        if protection.lasts(one.type) and not one.protect:
            yield one.urn, Problem(
                subject=f"{one.type.rpartition(':')[2]} {one.name}", wrong="is not protected", why=_WHY,
                fix=fix(("protect",), "true", PROJECT),
            )  # fmt: skip


PROTECTED_MESH = Policy(
    name="protected-mesh",
    title="the mesh of a protected stack cannot be deleted",
    why="The engine refuses to delete what is protected; this sees that it is, and that the mesh is still declared.",
    looks_at="the mesh, the clusters that Tether made and the generated CA, in stacks that the configuration names",
    same_rule=("tether.protection.lasts",),
    options=(
        Option(
            name="stacks", schema={"type": "array", "items": {"type": "string"}, "default": ["prod", "prod-*"]},
            says="Names of the stacks, `*` for any text",
        ),
    ),
    of_stack=_stays,
)  # fmt: skip
