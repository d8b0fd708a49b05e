"""What other installed packages add to this one. Nothing is imported to tell."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

ECONOMIES = "deepham.economies"  # the group of entry points: name = "module:Class"


def economies(name: str | None = None) -> list[EntryPoint]:
    """The economies that installed packages register, or those of one name."""
    return [point for point in entry_points(group=ECONOMIES) if name in (None, point.name)]
