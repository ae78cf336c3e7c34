"""Policy packs of a run: they judge a preview first, so that a refusal comes before any change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tether.cli import event_log, foreseen
from tether.cli.engine import Engine, EngineError
from tether.cli.project import Project
from tether.cli.talk import say
from tether.errors import PolicyError, UsageError, count


@dataclass(frozen=True)
class Packs:
    """The packs that a run must satisfy."""

    folders: Sequence[Path] = ()
    configurations: Sequence[Path] = ()
    """One file per pack, in the same order; none at all leaves every pack as it is."""

    def options(self) -> list[str]:
        """Options of the engine."""
        found = [f"--policy-pack={folder.absolute()}" for folder in self.folders]
        return [*found, *(f"--policy-pack-config={file.absolute()}" for file in self.configurations)]

    def check(self) -> None:
        """See that everything is there, before anything is built.

        Raises:
            UsageError: a pack or a file is missing, or they do not pair off.
        """
        for folder in self.folders:
            if not (folder / "PulumiPolicy.yaml").is_file():
                raise UsageError(f"--policy-pack {folder} — is no policy pack: PulumiPolicy.yaml is missing in it. "
                                 "Name the folder of one; Tether's own is: --policy-pack policy")  # fmt: skip
        for file in self.configurations:
            if not file.is_file():
                raise UsageError(f"--policy-pack-config {file} — is no file. "
                                 "Name a JSON file as docs/reference/policies.md shows it")  # fmt: skip
        if self.configurations and len(self.configurations) != len(self.folders):
            raise UsageError(
                f"--policy-pack-config — {count(len(self.configurations), 'file')} for "
                f"{count(len(self.folders), 'pack')}: name one per pack, in the same order, or none"
            )


def preview(place: Project, engine: Engine, packs: Packs, *options: str) -> None:
    """Have the engine show what it would do and judge that; changes nothing.

    Raises:
        PolicyError: a policy refuses it.
        TetherError: the preview failed in another way.
    """
    if not packs.folders:
        return
    say(f"asking {count(len(packs.folders), 'policy pack')} about what would be made")
    try:
        engine.run("preview", "--suppress-outputs", *packs.options(), *options)
    except EngineError:
        refuse_violations(place, "nothing was changed")
        raise


def refuse_violations(place: Project, what_became: str) -> None:
    """Tell of the policies that the last run of the engine was refused by, if that is why it failed.

    Args:
        place: The checkout and the stack.
        what_became: Of what the run was to do.

    Raises:
        PolicyError: at least one policy refused.
    """
    runs = event_log.of(place)
    broken = foreseen.read(runs[-1]).violations if runs else ()
    found = sorted({(one.policy, one.resource) for one in broken if one.mandatory})
    if found:
        lines = "\n".join(f"  {policy}  {resource}" for policy, resource in found)
        raise PolicyError(
            f"Refused by policies: {count(len(found), 'violation')}, told above with the ways out; {what_became}.\n"
            f"{lines}"
        )
