"""All properties, one after the other: which hold, and what is wrong where one does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deepham.checks import household, period, statement
from deepham.checks.trial import Broken, NotAsked
from deepham.economics.economy import Economy

PROPERTIES: dict[str, Callable[[Economy], None]] = {
    "parameters": statement.parameters,
    "chain": statement.chain,
    "sparse chain sums": statement.sparse_chain,
    "budget at rest": statement.at_rest,
    "typical incomes": statement.incomes,
    "units and shapes": statement.units,
    "single precision": statement.copies,
    "marginal utility": household.marginal_utility,
    "return in the Euler equation": household.returns,
    "savings and first-order condition": household.savings,
    "goods add up": period.goods_add_up,
    "permutation of households": period.order,
    "weights of households": period.weights,
    "economies apart": period.apart,
    "gradient": period.gradient,
    "known answers": statement.known_answers,
}

PACKAGE = str(Path(__file__).parents[1])


@dataclass(frozen=True)
class Outcome:
    """Of one property. holds: None where the economy cannot be asked. said: why not, or what is wrong."""

    name: str
    holds: bool | None
    said: str = ""


def examine(economy: Economy) -> Iterator[Outcome]:
    """The outcome of each property in turn."""
    for name, ask in PROPERTIES.items():
        yield outcome(name, lambda: ask(economy))


def outcome(name: str, ask: Callable[[], None]) -> Outcome:
    """Whether a property holds. Whatever the economy's own methods raise is a property that does not."""
    try:
        ask()
    except NotAsked as reason:
        return Outcome(name, None, str(reason))
    except Broken as broken:
        return Outcome(name, False, str(broken))
    except Exception as error:
        return Outcome(name, False, f"{type(error).__name__}: {error}{_where(error)}")
    return Outcome(name, True)


def _where(error: Exception) -> str:
    """The last line of a user's own file that an error came through."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(PACKAGE) and "site-packages" not in file:
            found = f" ({file.rpartition('/')[2]}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return found
