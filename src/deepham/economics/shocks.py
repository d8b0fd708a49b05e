"""Shocks that are forced on one of two copies of an economy, and how the other goes on with the same luck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from deepham.economics.quadrature import standard_normal

if TYPE_CHECKING:
    from deepham.economics.economy import Economy
    from deepham.economics.process import ShockProcess


@dataclass(frozen=True)
class StateShock:
    """The aggregate state is forced to `to` in period 0 and held there for `hold` periods.

    before: the state of the period before, None for any.
    baseline: "drawn" from the chain given `before`, or "forced" to stay there in period 0.
    """

    before: int | None
    to: int
    hold: int
    baseline: str

    def paths(self, chain: ShockProcess, z: Tensor, periods: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Aggregate states of the shocked and the baseline copy after z (D, 1), with common draws: each (D, T, 1)."""
        uniform = torch.rand((periods, *z.shape), generator=generator, device=z.device, dtype=chain.dtype)
        shocked, baseline = [], []
        high = low = z
        for t, u in enumerate(uniform):
            low = chain.draw_z(low, u) if t or self.baseline == "drawn" else low
            high = torch.full_like(z, self.to) if t < self.hold else chain.draw_z(high, u)
            shocked.append(high)
            baseline.append(low)
        return torch.stack(shocked, 1), torch.stack(baseline, 1)

    def apart(self, chain: ShockProcess, z: Tensor, periods: int) -> Tensor:
        """Probability (T,) that the copies' states still differ in each period, on average over z (D, 1), exactly."""
        follows = chain.aggregate
        ends = follows.cumsum(1)
        begins = ends - follows
        # P(low', high' | low, high) with one draw for both: the overlap of two intervals
        overlap = (
            torch.minimum(ends[:, None, :, None], ends[None, :, None, :])
            - torch.maximum(begins[:, None, :, None], begins[None, :, None, :])
        ).clamp_min(0)
        eye = torch.eye(chain.n_z, dtype=chain.dtype, device=chain.device)
        shares = eye[z[:, 0]].mean(0)
        low = shares @ follows if self.baseline == "drawn" else shares
        pair = low[:, None] * eye[self.to]  # (low, high)
        result = []
        for t in range(periods):
            result.append(1 - pair.diagonal().sum())
            forced = t + 1 < self.hold
            pair = (
                (pair.sum(1) @ follows)[:, None] * eye[self.to]
                if forced
                else torch.einsum("ab,abcd->cd", pair, overlap)
            )
        return torch.stack(result)

    def in_words(self, economy: Economy) -> str:
        """What a figure says of the shock."""
        aggregate, names = economy.aggregate_shock, economy.naming.names
        before = "any state" if self.before is None else names[self.before]
        stays = "" if self.baseline == "drawn" else " against no change"
        return f"a change of {aggregate} from {before} to {names[self.to]}{_held(economy, self.hold)}{stays}"

    def explained(self, economy: Economy) -> str:
        """What a report says of the response to one period of it, after the state `before`."""
        names, period = economy.naming.names, economy.period
        before = "any state" if self.before is None else f"z {names[self.before]}"
        return (
            f"What one {period} of z {names[self.to]} does to an economy that was in {before} the "
            f"{period} before: the mean difference of two copies with the same luck, of which one has its "
            f"state forced in period 0 and the other draws it from the chain; afterwards both follow the chain."
        )


@dataclass(frozen=True)
class Innovation:
    """The innovations of an aggregate state that is a number are forced from period 0 on.

    path: standard deviations, one a period.
    baseline: "drawn", or "forced" to be zero in these periods.
    told: the path in words.
    number: which of several numbers moves.
    """

    path: tuple[float, ...]
    baseline: str
    told: str
    number: int = 0
    before: None = None

    @property
    def hold(self) -> int:
        """How many periods are forced."""
        return len(self.path)

    def paths(
        self, chain: ShockProcess, start: Tensor, periods: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Innovations of the shocked and the baseline copy after z = start (D, d), with common draws: each (D, T,
        d)."""
        baseline = chain.draw_path(start, periods, generator)
        count, forced = len(start), baseline.new_tensor(self.path[:periods])
        spread = (torch.arange(count, device=start.device, dtype=start.dtype) + 0.5) / count
        baseline[:, 0, self.number] = standard_normal(spread)
        if self.baseline == "forced":
            baseline[:, : self.hold, self.number] = 0.0
        shocked = baseline.clone()
        shocked[:, : self.hold, self.number] = forced
        return shocked, baseline

    def in_words(self, economy: Economy) -> str:
        """What a figure says of the shock."""
        if len(set(self.path)) > 1:
            return f"{self.hold} innovations of {self._name(economy)}, the first of {self.told}"
        return f"an innovation of {self._name(economy)} of {self.told}{_held(economy, self.hold)}"

    def _name(self, economy: Economy) -> str:
        names = economy.names_of(economy.aggregate_shock, economy.chain.named)
        return names[self.number] if len(names) > 1 else economy.aggregate_shock

    def explained(self, economy: Economy) -> str:
        """What a report says of the response to it in one period."""
        return (
            f"What an innovation of {self.told} does to an economy of "
            f"the middle of the ergodic set: the mean difference of two copies with the same luck, of which one has "
            f"its innovation forced in period 0 and the other draws it."
        )


def _held(economy: Economy, hold: int) -> str:
    return f", held for {hold} {economy.period}s" if hold > 1 else ""
