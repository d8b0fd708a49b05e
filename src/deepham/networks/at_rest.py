"""What households consume at rest, and what that is worth to them: the bases of policy and V whose economy says how it
rests (`Economy.at_rest`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepham.simulation.interpolation import hermite, slopes

NODES = 200  # of resources, in each individual state


class TableAtRest(nn.Module):
    """A function of resources m and the individual state, on cubics by pieces between nodes, a line beyond them.

    The table is a constant until training has worked it out (`learn`), and is kept with weights.

    Attributes:
        table: (3, E, NODES) resources, increasing, the function and its slope, by individual state.
        origin: (2, E) the resources and the value from which the table counts: next to the limit nodes are so close
            that numbers of single precision would not tell them apart.
    """

    table: Tensor
    origin: Tensor

    def __init__(self, n_eps: int, constant: float):
        super().__init__()
        table = torch.zeros(3, n_eps, NODES)
        table[0], table[1] = torch.arange(NODES), constant
        self.register_buffer("table", table)
        self.register_buffer("origin", torch.zeros(2, n_eps))

    def keep(self, m: Tensor, values: Tensor, slope: Tensor, since: Tensor) -> None:
        """The table, (E, NODES) each, which counts resources from the first node, and values from `since`, (E, 1)."""
        self.origin.copy_(torch.cat([m[:, :1], since], 1).T)
        self.table.copy_(torch.stack([m - m[:, :1], values - since, slope]))

    def forward(self, m: Tensor, eps: Tensor) -> Tensor:
        nodes, values, rises = self.table.to(m.dtype).flatten(1)
        poorest, since = self.origin.to(m.dtype)
        m = m - poorest[eps]
        # one row of nodes: those of each state lie above all of the state before
        apart = 1 + nodes.max()
        n_eps, count = self.table.shape[1:]
        row = nodes + apart * torch.arange(n_eps, device=nodes.device).repeat_interleave(count)
        first = eps * count
        low = torch.searchsorted(row, (m.detach() + apart * eps).contiguous(), right=True) - 1
        low = torch.minimum(torch.maximum(low, first), first + count - 2)
        width = nodes[low + 1] - nodes[low]
        share = (m - nodes[low]) / width
        found = hermite(share, width, values[low], values[low + 1], rises[low], rises[low + 1])
        return since[eps] + self.beyond(found, share, low, width)

    def beyond(self, found: Tensor, share: Tensor, low: Tensor, width: Tensor) -> Tensor:
        """The function where m may lie beyond the nodes.

        Args:
            found: with lines there; share: of the way from the node `low`, below zero or above one beyond them.
            low: index among the nodes of all states; width: from it to the next.
        """
        return found


class PlanAtRest(TableAtRest):
    """c0(m, e), what a household with resources m that could borrow would consume beyond the least at the prices of
    rest. Where the limit holds, below the first node that is free, it goes on as an exponential, which is positive.
    """

    @torch.no_grad()
    def learn(self, m: Tensor, c: Tensor, free: Tensor) -> None:
        """(E, NODES) each: resources, consumption beyond the least, and whether the limit lets households choose it."""
        values, rises = c.clone(), torch.empty_like(c)
        for state in range(len(m)):
            held = int((~free[state]).sum())  # the poorest
            poor, least, slope = m[state, :held], c[state, held], slopes(m[state, held:], c[state, held:])
            at_limit = least * torch.exp(slope[0] / least * (poor - m[state, held]))
            values[state, :held] = at_limit
            rises[state] = torch.cat([slope[0] / least * at_limit, slope])
        self.keep(m, values, rises, torch.zeros_like(m[:, :1]))

    def beyond(self, found: Tensor, share: Tensor, low: Tensor, width: Tensor) -> Tensor:
        here = self.table[1].to(found.dtype).flatten()[low]
        return torch.where(share < 0, here * torch.exp(((found - here) / here).clamp_max(0)), found)


class ValueAtRest(TableAtRest):
    """V0(m, e), the lifetime utility of a household with resources m at the prices of rest, utils. Beyond the last node
    its slope goes on falling, to zero, as it does between the last two.
    """

    @torch.no_grad()
    def learn(self, m: Tensor, value: Tensor, slope: Tensor) -> None:
        """(E, NODES) each: resources, V0 and its slope, which by the envelope theorem is marginal utility."""
        self.keep(m, value, slope, value[:, :1])

    def beyond(self, found: Tensor, share: Tensor, low: Tensor, width: Tensor) -> Tensor:
        values, rises = (row.to(found.dtype).flatten() for row in self.table[1:])
        last, steep, before = values[low + 1], rises[low + 1], rises[low]
        # slope steep / (1 + x / reach)^2, x from the last node on, which is that of `before` at the one before
        reach = width / (1 - (steep / before.clamp_min(1e-30)).clamp_max(1 - 1e-6).sqrt())
        x = ((share - 1) * width).clamp_min(0)
        return torch.where(share > 1, last + steep * x * reach / (reach + x), found)
