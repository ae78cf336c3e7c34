"""Names of the mesh, and labels that every object must carry."""

import re
from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from tether import kubernetes_labels
from tether.errors import Problem
from tether.helm_values import Chart
from tether.settings.base import mapping
from tether.settings.models import dns_label, label_value
from tether.settings.wording import fix
from tether_policy.exposure import chart_of
from tether_policy.policy import PROJECT, Declared, Level, Option, Options, Policy, inner

_NAMES = {
    ("multiCluster", "clusterName"): (dns_label, "clusters"),
    ("network",): (dns_label, "networks"),
    ("meshID",): (label_value, "meshes"),
}
"""Helm values below ``global`` of istiod: the rule of the setting, and the option that may narrow it."""


def _names_and_labels(one: Declared, options: Options) -> Iterator[Problem]:
    if one.type == "kubernetes:helm.sh/v3:Release" and chart_of(one) == Chart.ISTIOD:
        yield from _names(one, options)
    if one.type.startswith("kubernetes:") and "metadata" in one.inputs and not one.type.endswith("Patch"):
        labels = mapping(inner(one.inputs, "metadata", "labels"))
        yield from _labels({str(key): str(value) for key, value in labels.items()}, options)


def _names(one: Declared, options: Options) -> Iterator[Problem]:
    for path, (rule, option) in _NAMES.items():
        name = inner(one.inputs, "values", "global", *path)
        if not isinstance(name, str):
            continue
        try:
            rule(name)
        except PydanticCustomError as error:
            context = error.context or {}
            yield Problem(subject=f"values.global.{'.'.join(path)}", shown=name, wrong=context["wrong"],
                          why=context["why"], fix=f"Call it {context['example']}.")  # fmt: skip
        if not re.fullmatch(options[option], name):
            yield Problem(
                subject=f"values.global.{'.'.join(path)}", shown=name, wrong=f"does not match {options[option]}",
                why="names that follow no rule tell nobody whose they are, and cannot be filtered by",
                fix="Rename it in the settings clusters or meshId before the mesh is made: the name is an identity.",
            )  # fmt: skip


def _labels(labels: dict[str, str], options: Options) -> Iterator[Problem]:
    for key in options["labels"]:
        if key not in labels:
            yield Problem(
                subject=f"metadata.labels.{key}", wrong="is missing",
                why="nobody can tell whose the object is, or what it costs",
                fix=fix(("labels", key), "", PROJECT),
            )  # fmt: skip
    for key, value in labels.items():
        if not (kubernetes_labels.is_key(key) and kubernetes_labels.is_value(value)):
            yield Problem(subject=f"metadata.labels.{key}", shown=value, wrong="is no label of Kubernetes",
                          why="the API server refuses the object", fix=fix(("labels", key), "", PROJECT))  # fmt: skip


def _pattern(name: str, of: str) -> Option:
    return Option(
        name=name, schema={"type": "string", "default": ".*"}, says=f"Regular expression that names of {of} match whole"
    )


NAMES_AND_LABELS = Policy(
    name="names-and-labels",
    title="names follow the organisation's rule, and every object carries its labels",
    why="Names become identities that cannot be changed later; labels say who owns and who pays.",
    looks_at="cluster, network and mesh names in Releases of chart istiod, and the labels of Kubernetes objects that "
    "the program declares itself; objects inside of charts get the setting `labels` too, but are not seen here",
    same_rule=("tether.settings.models.dns_label", "tether.settings.models.label_value", "tether.kubernetes_labels",),
    level=Level.ADVISORY,
    options=(
        _pattern("clusters", "clusters"),
        _pattern("networks", "networks"),
        _pattern("meshes", "meshes"),
        Option(
            name="labels", schema={"type": "array", "items": {"type": "string"}, "default": []},
            says="Keys of the labels that every object must carry",
        ),
    ),
    of_resource=_names_and_labels,
)  # fmt: skip
