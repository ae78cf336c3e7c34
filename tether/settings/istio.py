"""Which istiod the mesh is given to, where others may stand beside it."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from tether import revision
from tether.settings.base import Model, complaint, spoken

_LONGEST = 63 - len("istiod-")
"""Istiod's Service is called after it, and a Service's name is a DNS label."""
_NAME = re.compile(rf"[a-z0-9]([-a-z0-9]{{0,{_LONGEST - 2}}}[a-z0-9])?")


def _revision(value: str) -> str:
    if value == revision.RESERVED:
        raise complaint(
            "is what Istio calls an istiod without a revision",
            "the charts would name everything after it, and istiod itself would not",
            remove="",
        )
    if value and not _NAME.fullmatch(value):
        raise complaint(
            f"is no name of a revision: lower-case letters, digits and '-', at most {_LONGEST}, no '-' at either end",
            f"istiod's Service is called istiod-<revision>, and namespaces carry it as label {revision.LABEL}",
            re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:_LONGEST].strip("-"),
        )
    return value


class IstioSettings(Model):
    """What all of istiod's objects have in common."""

    revision: Annotated[str, BeforeValidator(spoken), AfterValidator(_revision)] = Field(
        default="",
        description="Revision of istiod, which its objects are named after and namespaces are labelled with "
        "(istio.io/rev); Istio's default one when left out",
    )
