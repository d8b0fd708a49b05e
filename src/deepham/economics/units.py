"""Whether the numbers of a calibration look like those of another period."""

from __future__ import annotations

from deepham.economics.economy import Economy

PATIENCE = 0.89  # least value of next year's utility that calibrations are known to have
DECAY = 0.25  # largest depreciation in a year
PERIODS = {"quarter": 4, "month": 12}  # in a year


def other_period(economy: Economy) -> str | None:
    """A sentence where a discount factor or a depreciation rate per quarter looks like one per year, or None."""
    number, known = PERIODS.get(economy.period), economy.parameters()
    if number is None:
        return None
    strange = [
        f"{name}={known[name]:g}, {year:.2g} a year"
        for name, year, odd in (
            ("beta", yearly(known.get("beta"), number), lambda kept: kept < PATIENCE),
            ("delta", lost(known.get("delta"), number), lambda share: share > DECAY),
        )
        if year is not None and odd(year)
    ]
    if not strange:
        return None
    return (
        f"a period is a {economy.period}: {' and '.join(strange)}. If these are numbers per year, per {economy.period} "
        f"they are beta^(1/{number}) and 1 - (1 - delta)^(1/{number})"
    )


def yearly(beta, number: int) -> float | None:
    return beta**number if isinstance(beta, float) else None


def lost(delta, number: int) -> float | None:
    return 1 - (1 - delta) ** number if isinstance(delta, float) else None
