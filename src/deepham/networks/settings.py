"""Settings of the networks, and their construction."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch

from deepham.economics.economy import Economy, require
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import ACTIVATIONS
from deepham.networks.moments import GeneralizedMoments
from deepham.networks.outlook import LinearOutlook, OutlookNetwork
from deepham.networks.policy import PolicyNetwork
from deepham.networks.value import ValueNetwork

BASES = ("frictionless", "rest", "typical", "share")
MOST_WEIGHTS = 10**8  # of all networks: 400 MB
KINDS = {
    "str": (str, "a text"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "true or false"),
    "list[str]": (list, "a list"),
}


@dataclass
class NetworkSettings:
    """Size and form of the policy and value networks; each field is explained in conf/network/."""

    name: str
    width: int
    depth: int
    activation: str
    base: str
    aggregate_scale: float
    ensemble: int
    # what is seen of the population: as it stands, the first moment
    aggregates: bool = True
    moments: int = 0
    moment_states: list[str] = field(default_factory=lambda: ["k"])
    moment_width: int = 12
    moments_shared: bool = False
    quantiles: int = 0
    dispersion: bool = False
    poverty: bool = False
    # choices beside consumption that the network learns
    learned: list[str] = field(default_factory=list)
    # whether unknowns that look ahead are linear in what is seen
    outlook_linear: bool = False

    def validate(self) -> None:
        """Raise InputError for a value of the wrong type or out of range."""
        for each in fields(self):
            value, (kind, expected) = getattr(self, each.name), KINDS[str(each.type)]
            require(
                isinstance(value, kind) and isinstance(value, bool) == (kind is bool),
                f"network.{each.name}: expected {expected}, got {value!r}",
            )
        require(
            all(isinstance(state, str) for state in self.moment_states),
            f"network.moment_states: expected names of states, got {list(self.moment_states)!r}",
        )
        require(self.width >= 1, f"network.width: expected at least 1 unit, got {self.width}")
        require(self.depth >= 1, f"network.depth: expected at least 1 hidden layer, got {self.depth}")
        require(self.ensemble >= 1, f"network.ensemble: expected at least 1 value network, got {self.ensemble}")
        require(self.depth <= 100, f"network.depth: expected at most 100 hidden layers, got {self.depth}")
        require(
            0 < self.aggregate_scale < float("inf"),
            f"network.aggregate_scale: expected a positive number, got {self.aggregate_scale}",
        )
        require(self.base in BASES, f"network.base: expected {', '.join(BASES[:-1])} or {BASES[-1]}, got {self.base!r}")
        require(
            self.activation in ACTIVATIONS,
            f"network.activation: expected one of {', '.join(ACTIVATIONS)}, got {self.activation!r}",
        )
        require(
            all(isinstance(name, str) for name in self.learned) and len(set(self.learned)) == len(self.learned),
            f"network.learned: expected names of choices, each once, got {list(self.learned)!r}",
        )
        for name, least in (("moments", 0), ("moment_width", 1), ("quantiles", 0)):
            require(
                least <= getattr(self, name) <= 10**4,
                f"network.{name}: expected {least} to 10^4, got {getattr(self, name)}",
            )
        require(
            self._weights() <= MOST_WEIGHTS,
            f"network: width, depth, ensemble and moments ask for more than {MOST_WEIGHTS} weights; lower one of them",
        )
        require(
            self.aggregates or self.moments > 0 or self.quantiles > 0 or self.dispersion or self.poverty,
            "network.aggregates: without aggregates, moments, quantiles, dispersion and poverty the networks do not "
            "see the population; set network.aggregates=true or network.moments=1",
        )
        require(
            self.moments > 0 or not self.moments_shared,
            "network.moments_shared: there are no moments to share; set network.moments=1 or leave it false",
        )

    def _weights(self) -> int:
        """How many weights there are at the least: what an economy adds to the inputs is not counted."""

        def layers(inputs: int, width: int) -> int:
            return width * (inputs + 2) + (self.depth - 1) * width * (width + 1)

        moments = self.moments * layers(1, self.moment_width) * (1 if self.moments_shared else 2)
        return (1 + self.ensemble) * layers(2 + self.moments + self.quantiles, self.width) + moments

    def policy_weights(self, economy: Economy, varied: int = 0) -> int:
        """Number of weights of the policy network that sees so many varied parameters, without those of moments."""
        inputs = _inputs(economy, self, torch.Generator(), prices=True).size + varied
        outputs = (1 + len(self.learned)) * (self.width + 1)
        return self.width * (inputs + 1) + (self.depth - 1) * self.width * (self.width + 1) + outputs

    def check_base(self, economy: Economy) -> None:
        """Raise InputError where the networks are to start from a rule that the economy has not got, or that ruins
        it."""
        require(
            self.base != "frictionless" or economy.frictionless() is not None,
            "network.base: this economy has no frictionless rule, for which income for ever has to be worth a finite "
            "sum, as at a return above one; set network.base=typical",
        )
        require(
            self.base != "rest" or economy.at_rest() is not None,
            "network.base: this economy does not say how it rests (Economy.at_rest); set network.base=frictionless or "
            "typical",
        )
        # an untrained network consumes half of what it can, every period: in debt, if it can be
        require(
            self.base != "share" or economy.borrowing_limit >= 0,
            "network.base: with a borrowing limit below zero, here "
            f"{economy.borrowing_limit:g}, an untrained share of resources leaves the economy without capital; set "
            "network.base=frictionless or typical",
        )

    def check_learned(self, economy: Economy) -> None:
        """Raise InputError where the network is to learn a choice that the economy has not got."""
        choices = ", ".join(economy.within)
        expected = f"expected [] or [{choices}]" if choices else "this economy has none; expected []"
        require(
            list(self.learned) in ([], list(economy.within)),
            f"network.learned: choices that the network learns beside consumption; {expected}, "
            f"got {list(self.learned)}",
        )

    def check_states(self, economy: Economy) -> None:
        """Raise InputError where the moments are of states that the economy's population does not have."""
        known = [economy.asset, economy.individual_shock]
        require(
            self.moments == 0 or list(self.moment_states) in (known[:1], known),
            f"network.moment_states: a population has the states {' and '.join(known)}; expected [{known[0]}] or "
            f"[{', '.join(known)}], got {list(self.moment_states)}",
        )


def build_networks(
    economy: Economy, settings: NetworkSettings, seed: int, calibration: tuple[float, ...] = ()
) -> tuple[PolicyNetwork, ValueNetwork]:
    """Freshly initialised policy and value network, on the CPU in float32; the same seed gives the same weights.

    calibration: where in a box of calibrations the economy is (`Box.scaled`), of networks that are told.
    """
    settings.validate()
    settings.check_states(economy)
    settings.check_base(economy)
    settings.check_learned(economy)
    generator = torch.Generator().manual_seed(seed)
    common = {"economy": economy, "settings": settings, "generator": generator, "calibration": calibration}
    policy_inputs = _inputs(**common, prices=True)  # V is asked before markets clear
    value_inputs = _inputs(**common, prices=False, shared=policy_inputs)
    shape = (settings.width, settings.depth, settings.activation, settings.base)
    policy = PolicyNetwork(economy, policy_inputs, *shape, generator, tuple(settings.learned))
    value = ValueNetwork(economy, value_inputs, *shape, settings.ensemble, generator)
    if economy.foreseen:
        ahead = _inputs(**common, prices=False)
        policy.outlook = (
            LinearOutlook(economy, ahead, settings.width, settings.depth, generator)
            if settings.outlook_linear
            else OutlookNetwork(economy, ahead, generator)
        )
    return policy, value


def _inputs(
    economy: Economy,
    settings: NetworkSettings,
    generator: torch.Generator,
    prices: bool,
    shared: Inputs | None = None,
    calibration: tuple[float, ...] = (),
) -> Inputs:
    """shared: inputs whose moments these have, too, where the settings share them."""
    moments = None
    shown = [name for name, unknown in economy.unknowns.items() if prices and (unknown.seen or settings.learned)]
    if settings.moments_shared and shared is not None:
        moments = shared.moments
    elif settings.moments:
        with_shock = economy.individual_shock in settings.moment_states
        moments = GeneralizedMoments(
            economy,
            settings.moments,
            not settings.aggregates,
            with_shock,
            settings.moment_width,
            settings.depth,
            settings.activation,
            generator,
        )
    return Inputs(
        economy,
        settings.aggregate_scale,
        settings.aggregates,
        moments,
        settings.quantiles,
        shown,
        settings.dispersion,
        settings.poverty,
        calibration,
    )
