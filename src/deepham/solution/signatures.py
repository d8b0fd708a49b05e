"""Methods whose keywords an economy names: on an object their signature has these names, so that a notebook completes
`solution.consumption(` with k, eps and z, and `help` says which states there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from inspect import Parameter, Signature, signature
from typing import Any, Literal, TypeVar, cast

from deepham.economics.economy import Economy

Method = TypeVar("Method", bound=Callable)
MOST_NAMED = 12  # states of a shock that a signature lists


def keywords_from(names: Callable[[Any], Iterable[Parameter]]) -> Callable[[Method], Method]:
    """Decorate a method whose `**keywords` are in truth these parameters of the object: its signature says so there.
    What is handed in is passed on as it is, and the method refuses what does not fit in its own words.
    """
    return lambda method: cast(Method, _Named(method, names))


class _Named:
    """The descriptor behind `keywords_from`."""

    def __init__(self, method: Callable, names: Callable[[Any], Iterable[Parameter]]):
        self.method, self.names, self.general = method, names, signature(method)

    def __get__(self, owner, kind=None):
        if owner is None:
            return self.method

        def bound(*args, **keywords):
            return self.method(owner, *args, **keywords)

        shown: Any = update_wrapper(bound, self.method)
        del shown.__wrapped__  # whose general signature would be shown
        shown.__signature__ = self._signature(owner)
        return shown

    def _signature(self, owner) -> Signature:
        rest = [each for each in self.general.parameters.values() if each.kind is not Parameter.VAR_KEYWORD][1:]
        known = {each.name for each in rest}
        own = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in self.names(owner) if each.name not in known]
        first = [each for each in rest if each.kind is not Parameter.KEYWORD_ONLY]
        return self.general.replace(parameters=first + own + [each for each in rest if each not in first])


def household(economy: Economy) -> list[Parameter]:
    """The states of a household. An annotation has the names of those that have names; their indices, and arrays of
    both, are taken as well.
    """
    own, aggregate, names = economy.individual_shock, economy.aggregate_shock, economy.shock_names
    alone = {own: 0} if economy.chain.n_eps == 1 else {}
    states = names.get(aggregate, ()) if economy.chain.every_z() is not None else ()  # of numbers these name each
    return [_keyword(economy.asset), _keyword(own, names.get(own, ()), alone), _keyword(aggregate, states)]


def calibration(values: dict) -> list[Parameter]:
    """Parameters of an economy, which stay what they are where they are left out."""
    return [_keyword(name, (), values) for name in values]


def _keyword(name: str, states: tuple[str, ...] = (), defaults: dict | None = None) -> Parameter:
    annotation = Literal[states] if 0 < len(states) <= MOST_NAMED else Parameter.empty
    default = (defaults or {}).get(name, Parameter.empty)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
