"""What is kept of a remote that was taken out: the stack file as it was, and its kubeconfig until it is clean."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from tether.cli import private_file
from tether.cli.project import Project


@dataclass(frozen=True)
class Kept:
    """The folder of one remote's removal, private to the checkout."""

    place: Project
    remote: str

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self.place.removals / self.remote

    @property
    def before(self) -> Project:
        """The project as it was before: its stack file is the copy."""
        return replace(self.place, stack_folder=str(self.folder.relative_to(self.place.root)))

    @property
    def kubeconfig(self) -> Path:
        """The remote's kubeconfig. Its presence says that the removal is under way: the engine forgets it earlier."""
        return self.folder / "kubeconfig"

    @property
    def is_under_way(self) -> bool:
        """Whether a removal began and has not ended."""
        return self.kubeconfig.is_file() and self.before.stack_file.is_file()

    def begin(self, kubeconfig: str, changed: str) -> None:
        """Keep the stack file and the kubeconfig, and put the changed text in the stack file's place."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(self.place.stack_file, self.before.stack_file)
        private_file.write(self.kubeconfig, kubeconfig)
        self.place.stack_file.write_text(changed)

    def take_back(self) -> None:
        """Make the stack file what it was, and forget everything."""
        shutil.copyfile(self.before.stack_file, self.place.stack_file)
        shutil.rmtree(self.folder)

    def end(self) -> None:
        """Note that the remote is clean; the stack file as it was stays for whoever wants it back."""
        self.kubeconfig.unlink(missing_ok=True)
