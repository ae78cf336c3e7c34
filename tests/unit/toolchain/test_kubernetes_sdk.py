from pathlib import Path

import pytest

from toolchain import golang, kubernetes_sdk

KINDS = """package v2

import (
\t"fmt"

\tcorev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
)

func IsListKind(apiVersion, kind string) bool {
\tswitch fmt.Sprintf("%s/%s", apiVersion, kind) {
\tcase "v1/PodList":
\t\treturn true
\t}
\treturn false
}

func RegisterResource(kind string) any {
\treturn corev1.Pod{}
}
"""
STAND_IN = golang.WRAPPERS / "pulumi-kubernetes" / "kinds" / "register.go"


def published(folder: Path, kinds: str) -> Path:
    for package in ("", "utilities", "helm/v4", "yaml/v2", "core/v1"):
        file = folder / "go" / "kubernetes" / package / "file.go"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("package any\n")
    (folder / "go.mod").write_text("module any\n")
    (folder / "go" / "kubernetes" / "yaml" / "v2" / "kinds.go").write_text(kinds)
    return folder


def test_the_types_of_kinds_are_left_out_and_which_kinds_are_lists_is_kept(tmp_path: Path):
    goal = tmp_path / "sdk"
    kubernetes_sdk.reduce(published(tmp_path / "published", KINDS), goal, STAND_IN)

    made = {str(file.relative_to(goal)) for file in goal.rglob("*") if file.is_file()}
    assert made == {
        "go.mod", "go/kubernetes/file.go", "go/kubernetes/utilities/file.go", "go/kubernetes/helm/v4/file.go",
        "go/kubernetes/yaml/v2/file.go", "go/kubernetes/yaml/v2/kinds.go", "go/kubernetes/yaml/v2/register.go",
    }  # fmt: skip
    kept = (goal / "go/kubernetes/yaml/v2/kinds.go").read_text()
    assert '"v1/PodList"' in kept
    assert "core/v1" not in kept
    assert "RegisterResource" not in kept


def test_an_sdk_that_is_built_otherwise_is_refused_by_name(tmp_path: Path):
    with pytest.raises(kubernetes_sdk.UnknownSdkError, match="no function IsListKind any more"):
        kubernetes_sdk.reduce(published(tmp_path / "published", "package v2\n"), tmp_path / "sdk", STAND_IN)
