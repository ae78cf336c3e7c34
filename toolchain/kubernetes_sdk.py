"""The part of Pulumi's Kubernetes SDK for Go that the Kubernetes plugin needs.

The plugin hands the objects of ConfigGroup, ConfigFile, Directory and Chart to one function of the SDK, which makes
each of them as the Go type of its kind and so has the types of all kinds compiled: 3 GB of 15 that a cold build of all
parts writes. The engine is told the same without them, in toolchain/go/pulumi-kubernetes/kinds/register.go.
"""

import re
import shutil
from pathlib import Path

MODULE = "github.com/pulumi/pulumi-kubernetes/sdk/v4"
_KINDS = Path("go/kubernetes/yaml/v2/kinds.go")
_PACKAGES = ("go/kubernetes", "go/kubernetes/utilities", "go/kubernetes/helm/v4", "go/kubernetes/yaml/v2")
_WHICH_ARE_LISTS = re.compile(r"^func IsListKind\(.*?^}\n", re.MULTILINE | re.DOTALL)


class UnknownSdkError(Exception):
    """The SDK is not built as it was when this was written."""


def reduce(published: Path, goal: Path, stand_in: Path) -> None:
    """Copy what the plugin needs of the SDK.

    Args:
        published: folder of the module as its makers published it.
        goal: folder to make.
        stand_in: the Go file that registers objects of any kind.

    Raises:
        UnknownSdkError: the function that says which kinds are lists is not where it was.
    """
    for package in _PACKAGES:
        (goal / package).mkdir(parents=True)
        for file in (published / package).glob("*.go"):
            shutil.copyfile(file, goal / package / file.name)
    shutil.copyfile(published / "go.mod", goal / "go.mod")
    shutil.copyfile(stand_in, (goal / _KINDS).with_name(stand_in.name))
    (goal / _KINDS).write_text(only_lists((published / _KINDS).read_text()))


def only_lists(kinds: str) -> str:
    """The text of the SDK's ``kinds.go`` without the types: which kinds are lists."""
    found = _WHICH_ARE_LISTS.search(kinds)
    if not found:
        raise UnknownSdkError(
            f"{MODULE}/{_KINDS} — it has no function IsListKind any more, so toolchain/kubernetes_sdk.py cannot tell "
            "which kinds are lists. Compare it with the version before: git log -p tether/versions.py"
        )
    return f'package v2\n\nimport "fmt"\n\n{found[0]}'
