"""What torch takes for a number where nothing else is said: float32 here, whatever the caller's program has set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def float32() -> Iterator[None]:
    """torch's default inside this block; the caller's own comes back after it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
