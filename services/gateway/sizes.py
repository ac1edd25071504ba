"""How large the pictures of an avatar are."""

from __future__ import annotations

from services.common.errors import InvalidInput
from services.gateway.records import Avatar

MIN_SIDE = 256
MAX_SHORT_SIDE = 1080


def size_of(avatar: Avatar, width: int, height: int) -> tuple[int, int]:
    """Both sides or none (0, 0: the avatar's own); one left open follows the avatar's shape.

    Raises InvalidInput when the avatar's shape makes the other too long or too short.
    """
    if bool(width) == bool(height):
        return width, height
    if width:
        height = _even(width * avatar.height / avatar.width)
    else:
        width = _even(height * avatar.width / avatar.height)
    if not MIN_SIDE <= min(width, height) <= MAX_SHORT_SIDE:
        raise InvalidInput(
            f"that makes {width}x{height} pixels with this avatar; "
            f"the short side may have {MIN_SIDE} to {MAX_SHORT_SIDE}"
        )
    return width, height


def _even(pixels: float) -> int:
    return 2 * round(pixels / 2)
