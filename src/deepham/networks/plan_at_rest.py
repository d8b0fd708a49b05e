"""What households consume at rest: the base of a policy whose economy says how it rests (`Economy.at_rest`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepham.simulation.interpolation import hermite, slopes

NODES = 200  # of resources, in each individual state


class PlanAtRest(nn.Module):
    """c0(m, e), what a household with resources m that could borrow would consume beyond the least at the prices of
    rest: a table, on cubics by pieces between nodes. Beyond the last node it is a line. Where the limit holds, below
    the first node that is free, it goes on as an exponential, which is positive.

    The table is typical consumption whatever m, until training has worked it out (`learn`), and is kept with weights.

    Attributes:
        table: (3, E, NODES) resources, increasing, c0 and its slope, by individual state.
    """

    table: Tensor

    def __init__(self, n_eps: int, typical: float):
        super().__init__()
        table = torch.zeros(3, n_eps, NODES)
        table[0], table[1] = torch.arange(NODES), typical
        self.register_buffer("table", table)

    @torch.no_grad()
    def learn(self, m: Tensor, c: Tensor, free: Tensor) -> None:
        """(E, NODES) each: resources, consumption beyond the least, and whether the limit lets households choose it."""
        for state in range(len(m)):
            held = int((~free[state]).sum())  # the poorest
            poor, least, slope = m[state, :held], c[state, held], slopes(m[state, held:], c[state, held:])
            at_limit = least * torch.exp(slope[0] / least * (poor - m[state, held]))
            values = torch.cat([at_limit, c[state, held:]])
            self.table[:, state] = torch.stack([m[state], values, torch.cat([slope[0] / least * at_limit, slope])])

    def forward(self, m: Tensor, eps: Tensor) -> Tensor:
        nodes, values, rises = self.table.to(m.dtype).flatten(1)
        # one row of nodes: those of each state lie above all of the state before
        apart = 1 + nodes.max() - nodes.min()
        n_eps, count = self.table.shape[1:]
        row = nodes + apart * torch.arange(n_eps, device=nodes.device).repeat_interleave(count)
        first = eps * count
        low = torch.searchsorted(row, (m.detach() + apart * eps).contiguous(), right=True) - 1
        low = torch.minimum(torch.maximum(low, first), first + count - 2)
        here, width = values[low], nodes[low + 1] - nodes[low]
        share = (m - nodes[low]) / width
        found = hermite(share, width, here, values[low + 1], rises[low], rises[low + 1])
        return torch.where(share < 0, here * torch.exp(((found - here) / here).clamp_max(0)), found)
