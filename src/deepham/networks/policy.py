"""The policy: what a household would consume if it could borrow, as far as it can afford it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deepham.economics.domain import Domain
from deepham.economics.economy import Economy, Own
from deepham.networks.at_rest import PlanAtRest
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import MLP
from deepham.simulation.period import Observation

MOST = 1 - 1e-6  # share of what can be consumed: an economy may leave those without savings nothing to live on


@dataclass(frozen=True)
class Plan:
    """What households would do if they could borrow, and what they can afford.

    Attributes:
        others: the choices beside consumption that the network learns, by name, (B, N) each.
        wanted, most: (B, N) what they would consume if they could borrow, and the most that they can consume.
    """

    others: Own
    wanted: Tensor
    most: Tensor

    def decided(self, c: Tensor | None = None) -> Tensor:
        """What they decide, (B, N), or (B, N, C) of several choices. c: what they consume, the least of both by
        default."""
        c = torch.minimum(self.wanted, self.most) if c is None else c
        return torch.stack([*self.others.values(), c], -1) if self.others else c


class PolicyNetwork(nn.Module):
    """c = min(c0 exp(network), spendable): the kink of the borrowing constraint is sharp, and the network is smooth.

    By `base` c0 is the frictionless rule mpc (m + H), H human wealth, or where hours are chosen what is `permanent`
    beside it; or what they consume at rest, where an economy says so; or typical consumption whatever m, where there is
    no such rule or it is far off (the rich that save for a planner). Or it is the published form, a share
    sigmoid(network) of what can be consumed, which no household ever consumes all of. Where unknowns are found within
    the period c0 moves with them by the economy's `substitution`.

    Where there is human wealth the network's part is multiplied by (m_ss + H) / (m + H). Beyond the wealth that
    training visits the network saturates, and c - c0 is then constant: the rich consume mpc out of an extra good, as
    theory says, and the tail of the wealth distribution is neither cut off nor drawn out.

    Choices beside consumption that are learned, such as hours, are decided first, each in its domain, and consumption
    then as far as they leave households able to afford it: (B, N, C) in place of (B, N).
    """

    last: Tensor
    mpc: Tensor | None

    def __init__(
        self,
        economy: Economy,
        inputs: Inputs,
        width: int,
        depth: int,
        activation: str,
        base: str,
        generator: torch.Generator,
        learned: tuple[str, ...] = (),
    ):
        super().__init__()
        self.outlook: nn.Module | None = None  # of an economy with unknowns that look ahead (networks/outlook.py)
        self.inputs, self.domains = inputs, {name: economy.within[name] for name in learned}
        self.mlp = MLP(inputs.size, width, depth, activation, generator, 1 + len(learned))
        self.share = base == "share"
        self.typical_consumption = economy.typical_state()["c"]
        self.at_rest = PlanAtRest(economy.chain.n_eps, self.typical_consumption) if base == "rest" else None
        self.base = economy.frictionless() if base in ("frictionless", "rest") else None
        mpc = self.base.mpc if self.base else None
        self.register_buffer("mpc", mpc if isinstance(mpc, Tensor) else None, persistent=False)
        self.available, self.spendable, self.floor = economy.available, economy.spendable, economy.floor
        self.permanent = economy.permanent
        last = economy.last()  # a buffer, to be where the networks are
        self.ends = bool(last.any())
        self.register_buffer("last", last, persistent=False)
        self.substitution, self.sensible, self.most = (
            economy.substitution,
            economy.sensible,
            min(MOST, economy.most_spent),
        )
        # m + H = (m - limit) + (H + limit): of what it will earn, what a household at the limit has not borrowed yet
        self.beyond_limit = self.base.human_wealth + economy.borrowing_limit if self.base else 0.0
        self.steady_wealth = economy.typical_state()["m"] + (self.base.human_wealth if self.base else 0.0)

    def forward(self, seen: Observation) -> Tensor:
        return self.decided(seen, self.mlp(*self.inputs(seen)))

    def decided(self, seen: Observation, said: Tensor) -> Tensor:
        """What households decide where the network says so much, (B, N), or (B, N, C) of several choices, with
        gradients that lead out of the limit."""
        plan = self.plan(seen, said)
        return plan.decided(Capped.apply(plan.wanted, plan.most))

    def plan(self, seen: Observation, said: Tensor) -> Plan:
        """What households plan where the network says so much, (B, N), or (B, N, C) of several choices."""
        *others, change = said.unbind(-1) if self.domains else (said,)
        chosen = {name: _in(domain, other) for (name, domain), other in zip(self.domains.items(), others, strict=True)}
        chosen = self.sensible(chosen, seen) if chosen else chosen
        least, room = self._room(seen, chosen or None)
        wanted, most = self._freely(seen, change, least, room), self._most(least, room)
        wanted = wanted if least is None else least + wanted
        # who has no tomorrow keeps nothing for it
        wanted = torch.where(self.last[seen.eps], self.most * most, wanted) if self.ends else wanted
        return Plan(chosen, wanted, most)

    def affordable(self, seen: Observation) -> Tensor:
        """The most that households can consume, (B, N), as `plan` says it."""
        return self._most(*self._room(seen, None))

    def _room(self, seen: Observation, chosen: Own | None) -> tuple[Tensor | None, Tensor]:
        """The least that households consume, if there is any, and how much more they can spend."""
        most, least = self.spendable(seen, chosen), self.floor(seen, chosen)
        return least, most if least is None else most - least

    def _most(self, least: Tensor | None, room: Tensor) -> Tensor:
        most = room if self.share else self.most * room
        return most if least is None else least + most

    def _freely(self, seen: Observation, change: Tensor, least: Tensor | None, room: Tensor) -> Tensor:
        """What they would consume beyond the least."""
        if self.share:
            return torch.sigmoid(change) * room
        substitution, wealth = self.substitution(seen), torch.ones_like(change)
        if self.base is not None:
            available = self.available(seen)
            wealth = (available if least is None else available - least) + self.beyond_limit
            change = change * self.steady_wealth / wealth if self.beyond_limit > 0 else change
        if self.at_rest is not None:
            c0 = self.at_rest(seen.resources, seen.eps) * substitution
        elif self.base is not None:
            mpc = self.base.mpc if self.mpc is None else self.mpc[seen.eps]
            c0 = self.permanent(mpc * substitution * wealth)["c"]
        else:
            c0 = self.typical_consumption * substitution
        return c0 * torch.exp(change)


def _in(domain: Domain, change: Tensor) -> Tensor:
    """The choice where the network says so much, `typical` at zero."""
    if domain.most is None:
        return domain.typical * torch.exp(change)
    # what is left of the most is at most all of it: the corner at zero is exact, and gradients lead out of it
    left = Capped.apply((domain.most - domain.typical) * torch.exp(change), torch.full_like(change, domain.most))
    return domain.most - left


class Capped(torch.autograd.Function):
    """min(wanted, most), with a gradient that can lead back out of the constraint.

    The derivative of a minimum is zero at the constraint for good: a household that is held there by mistake would
    stay. So the gradient reaches `wanted` also at the constraint wherever the loss falls as less is consumed; where it
    falls as more is, the constraint binds and there is nothing to learn. (The projected gradient of a constrained
    problem.)
    """

    @staticmethod
    def forward(ctx, wanted: Tensor, most: Tensor) -> Tensor:
        free = ~(wanted >= most)  # so that NaN stays NaN
        ctx.save_for_backward(free)
        return torch.where(free, wanted, most)

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor) -> tuple[Tensor, Tensor]:
        (free,), (gradient,) = ctx.saved_tensors, grad_outputs
        return torch.where(free | (gradient > 0), gradient, 0.0), torch.where(free, 0.0, gradient)
