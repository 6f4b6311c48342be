"""Reading values out of a checkpoint's `config` metadata, with one way to refuse what this program can't build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from engine.models.errors import UnknownConfigValue

# Metadata that selects the place of the text projection (specification 1.3): all four as here is the 2.3 layout, all
# four absent the 2.0 layout.
TEXT_LAYOUT_2_3: Final = {
    "caption_proj_before_connector": True,
    "caption_proj_input_norm": False,
    "caption_projection_first_linear": False,
    "caption_projection_second_linear": False,
}


def whole(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A positive whole number; 1000.0 counts as one."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        raise UnknownConfigValue(key, value, "a positive whole number")
    return int(value)


def number(config: Mapping[str, Any], key: str, default: float | None = None) -> float:
    """A positive number."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise UnknownConfigValue(key, value, "a positive number")
    return float(value)


def numbers(
    config: Mapping[str, Any], key: str, count: int, default: tuple[float, ...] | None = None
) -> tuple[float, ...]:
    """A list of exactly `count` positive numbers."""
    value = config.get(key, default)
    if not isinstance(value, list | tuple) or len(cast("list[Any]", value)) != count:
        raise UnknownConfigValue(key, value, f"a list of {count} positive numbers")
    return tuple(number({key: entry}, key) for entry in cast("list[Any]", value))


def flag(config: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """True or false, nothing that merely counts as one."""
    value = config.get(key, default)
    if not isinstance(value, bool):
        raise UnknownConfigValue(key, value, "true or false")
    return value


def require(config: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuses any key of `expected` that is present with another value. Absent keys pass."""
    for key, value in expected.items():
        if key in config and (config[key] != value or isinstance(config[key], bool) != isinstance(value, bool)):
            raise UnknownConfigValue(key, config[key], repr(value))


def projects_text_before_connector(config: Mapping[str, Any]) -> bool:
    """True for the 2.3 text layout, False for the 2.0 one (projection inside the transformer). A mixture is refused."""
    if not any(key in config for key in TEXT_LAYOUT_2_3):
        return False
    for key, value in TEXT_LAYOUT_2_3.items():
        if config.get(key) is not value:
            raise UnknownConfigValue(key, config.get(key), f"{value}, as LTX-2.3 has it, or none of the four keys")
    return True
