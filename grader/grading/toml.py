"""Values as TOML writes them; the standard library reads it only."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def value(content: Any) -> str:
    """A text, number, truth value, list or table on one line."""
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, int | Decimal):
        return str(content)
    if isinstance(content, str):
        # TOML's escapes are JSON's; only DEL it does not want as it is.
        return json.dumps(content, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(content, list):
        return f"[{', '.join(map(value, content))}]"
    return "{ " + ", ".join(f"{key} = {value(item)}" for key, item in content.items()) + " }"
