"""Labels are added to a manifest, and nothing else changes in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tether.labelling import labelled

LABELS = {"team": "mesh", "example.com/cost-center": "4711"}
DEPLOYMENT = """\
# Source: istiod/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istiod
  labels:
    # about the next line
    app: istiod
spec:
  selector:
    matchLabels:
      app: istiod
  template:
    metadata:
      labels:
        app: istiod
        team: "own"
    spec:
      containers: [{name: discovery, args: [on, 012, 1e3, "yes", 2026-01-01]}]
"""


def test_an_object_and_its_pods_get_labels_and_the_selector_does_not() -> None:
    (made,) = yaml.safe_load_all(labelled(DEPLOYMENT, LABELS))
    assert made["metadata"]["labels"] == {**LABELS, "app": "istiod"}
    assert made["spec"]["template"]["metadata"]["labels"] == {**LABELS, "app": "istiod", "team": "own"}
    assert made["spec"]["selector"] == {"matchLabels": {"app": "istiod"}}


def test_every_line_that_was_there_is_there_still_in_its_order() -> None:
    lines = iter(labelled(DEPLOYMENT, LABELS).splitlines())
    assert all(any(line == one for one in lines) for line in DEPLOYMENT.splitlines())


@pytest.mark.parametrize(
    "manifest",
    [
        "kind: Service\nmetadata:\n  name: x\n",
        "kind: Service\nmetadata:\n  labels:\n  name: x\n",
        "kind: Service\nmetadata:\n  name: x\n  labels:\n",
        "kind: Service\nmetadata:\n  name: x\n  labels: ~\n",
        "kind: Service\nmetadata:\n  name: x\n  labels: {}\n",
        "kind: Service\nmetadata: {name: x, labels: {a: b}}\n",
        '{"kind": "Service", "metadata": {"name": "x"}}',
        "---\n# nothing\n---\nkind: Service\nmetadata: {name: ü}\n---\nkind: Secret\nmetadata:\n    name: y\n",
        "kind: List\nitems:\n- kind: Service\n  metadata:\n    name: x\n- kind: Secret\n  metadata: {name: y}\n",
        "kind: CronJob\nmetadata: {name: x}\nspec:\n  jobTemplate:\n    metadata: {name: j}\n    spec:\n"
        "      template:\n        metadata:\n          name: p\n",
    ],
)
def test_labels_are_added_in_every_form_in_which_metadata_is_written(manifest: str) -> None:
    before = [one for one in yaml.safe_load_all(manifest) if one]
    after = [one for one in yaml.safe_load_all(labelled(manifest, LABELS)) if one]
    assert after == [expected(one) for one in before]
    assert before != after


def expected(document: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(json.dumps(document))
    if document["kind"] == "List":
        return {**document, "items": [expected(item) for item in document["items"]]}
    places = [document]
    if document["kind"] == "CronJob":
        job = document["spec"]["jobTemplate"]
        places += [job, job["spec"]["template"]]
    if document["kind"] == "Deployment":
        places.append(document["spec"]["template"])
    for place in places:
        place["metadata"]["labels"] = {**LABELS, **(place["metadata"].get("labels") or {})}
    return document


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
# An empty key would be written in the form `? key`, which no renderer of Kubernetes' objects writes.
keys = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
metadata = st.fixed_dictionaries(
    {"name": texts}, optional={"labels": st.dictionaries(keys, texts, max_size=3), "annotations": st.none() | texts}
)
deployments: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "kind": st.just("Deployment"),
        "metadata": metadata,
        "spec": st.fixed_dictionaries({"template": st.fixed_dictionaries({"metadata": metadata})}),
        "data": st.dictionaries(keys, texts | st.integers() | st.booleans() | st.floats(allow_nan=False), max_size=3),
    }
)


@given(st.lists(deployments, max_size=3), st.booleans(), st.integers(2, 6))
def test_any_manifest_is_what_it_was_with_the_labels(documents: list[Any], flow: bool, indent: int) -> None:
    manifest = yaml.safe_dump_all(documents, default_flow_style=flow, indent=indent, allow_unicode=True)
    made = labelled(manifest, LABELS)
    assert list(yaml.safe_load_all(made)) == [expected(document) for document in yaml.safe_load_all(manifest)]
    assert labelled(made, LABELS) == made, "a second time changes nothing"


def test_what_is_no_yaml_ends_with_an_error_that_helm_shows(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tether.labelling", "{}"]
    ran = subprocess.run(command, input="a: [", capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode != 0
    assert "expected" in ran.stderr
