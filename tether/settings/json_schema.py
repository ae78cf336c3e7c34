"""The settings as a JSON schema, for editors, forms and pipelines.

``tether schema --out docs/reference/settings.schema.json``
"""

import json
from typing import Any

from tether.settings.models import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document() -> dict[str, Any]:
    """The schema of all settings together, their keys without the prefix ``tether:``."""
    schema = Settings.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **schema, "title": "Settings of a Tether stack"}


def render() -> str:
    """The schema as text, as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
