"""What every part of the settings is made of."""

import errno
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """Keys as in the stack file (``meshId``), no key that is unknown, no value shown in an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )


def complaint(wrong: str, why: str, example: str = "", *, remove: str | None = None) -> PydanticCustomError:
    """Make the error of a value: what is wrong, why it matters, and the way out.

    Args:
        wrong: What is wrong.
        why: Why it matters.
        example: A value that would do.
        remove: Dotted path below the value that should go; empty for the value itself.
    """
    context = {"wrong": wrong, "why": why, "example": example, "remove": remove}
    return PydanticCustomError("tether", "{wrong}", context)


def spoken(value: Any) -> Any:
    """Take over what YAML and ``pulumi config set --path`` make of texts like true, false and 1.3."""
    return str(value).lower() if isinstance(value, bool | int | float) else value


def mapping(value: Any) -> dict[str, Any]:
    """An object of a document as it was written; empty where it is none, which is told elsewhere."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Objects of a list as it was written; none where it is no list, which is told elsewhere."""
    return [mapping(one) for one in cast("list[Any]", value)] if isinstance(value, list) else []


def pem_text(path_or_content: str, folder: Path) -> str:
    """A PEM text, given itself or as the path of a file.

    Args:
        path_or_content: content where it looks like PEM or has more than one line, else a path.
        folder: where relative paths begin; ``~`` is the user's home.

    Raises:
        OSError: the file cannot be read.
    """
    if "-----BEGIN" in path_or_content or "\n" in path_or_content.strip():
        return path_or_content
    try:
        # Whatever bytes the file has, it is judged as PEM afterwards.
        return (folder / Path(path_or_content.strip()).expanduser()).read_text(errors="replace")
    except (ValueError, RuntimeError):
        raise OSError(errno.EINVAL, "it is no path") from None
