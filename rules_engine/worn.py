"""Where on the body a device is worn, as people write it. Pure."""

# Where a device is worn; any other place is a room.
WORN = {
    "waist": ("at the waist", "腰部"),
    "chest": ("at the chest", "胸部"),
    "hip": ("at the hip", "髋部"),
    "pocket": ("in a pocket", "口袋"),
    "wrist": ("at the wrist", "手腕"),
    "neck": ("at the neck", "颈部"),
}
_NAMED = {zh: name for name, (_, zh) in WORN.items()} | {
    "belt": "waist", "pendant": "neck", "necklace": "neck", "watch": "wrist", "arm": "wrist", "trousers": "pocket",
    "腰": "waist", "腰带": "waist", "胸": "chest", "胸前": "chest", "颈": "neck", "脖子": "neck", "项链": "neck",
    "腕": "wrist", "腕部": "wrist", "手表": "wrist", "手环": "wrist", "髋": "hip", "臀部": "hip", "衣袋": "pocket",
}  # fmt: skip


def part_of(place: str) -> str:
    """The part of the body, as it is named above, also of a `left wrist`; nothing for a room."""
    words = place.casefold().split()
    whole = " ".join(words)
    return _NAMED.get(whole) or next((word for word in words if word in WORN), "")
