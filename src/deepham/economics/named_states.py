"""The states of a finite chain as users speak of them: by index or by name, and one that is forced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepham.economics.naming import Held, Naming, Recorded, held_for
from deepham.economics.process import ShockProcess
from deepham.errors import InputError, show
from deepham.system.arrays import indices


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

    def apart(self, follows: Tensor, z: Tensor, periods: int) -> Tensor:
        """Probability (T,) that the copies' states still differ in each period, on average over z (D, 1), exactly.

        follows: P(z' | z), (n_z, n_z).
        """
        ends = follows.cumsum(1)
        begins = ends - follows
        # P(low', high' | low, high) with one draw for both: the overlap of two intervals
        overlap = (
            torch.minimum(ends[:, None, :, None], ends[None, :, None, :])
            - torch.maximum(begins[:, None, :, None], begins[None, :, None, :])
        ).clamp_min(0)
        eye = torch.eye(len(follows), dtype=follows.dtype, device=follows.device)
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

    def in_words(self, naming: Naming, period: str) -> str:
        names = naming.names
        before = "any state" if self.before is None else names[self.before]
        stays = "" if self.baseline == "drawn" else " against no change"
        return f"a change of {naming.shock} from {before} to {names[self.to]}{held_for(self.hold, period)}{stays}"

    def explained(self, naming: Naming, period: str) -> str:
        names = naming.names
        before = "any state" if self.before is None else f"z {names[self.before]}"
        return (
            f"What one {period} of z {names[self.to]} does to an economy that was in {before} the "
            f"{period} before: the mean difference of two copies with the same luck, of which one has its "
            f"state forced in period 0 and the other draws it from the chain; afterwards both follow the chain."
        )


class NamedStates(Naming):
    """Of a finite chain: states by index or by name. follows: P(z' | z), (n_z, n_z)."""

    beside = False
    series: dict[str, tuple[str, str]] = {}

    def __init__(self, shock: str, names: tuple[str, ...], follows: Tensor):
        self.shock, self.names, self.follows = shock, names, follows
        self.recorded = Recorded(shock, (), {"long_name": "aggregate state", "units": "index"} | flags(names))
        recession = f"{names[-1]}->{names[0]}"
        self.worst = recession if len(names) > 1 else None
        self.change_in_words = f"a change of state such as '{recession}'"
        self.listed = f"; the states are {', '.join(names)}"
        self.held = Held(
            {name: name for name in names},
            {name: f"{shock} {name} held" for name in names},
            "with the state held",
            "z held",
            "The aggregate state is held",
        )

    def labels(self, z: Tensor) -> list[tuple[str, int | float | list[float]]]:
        return [(f"{self.shock} {self.names[int(one)]}", int(one)) for one in z]

    def where(self, cell: int) -> str:
        return f" where {self.shock} is {self.names[cell]}"

    def read(self, given) -> np.ndarray:
        return indices(self.shock, given, self.names)[..., None]

    def read_held(self, given) -> int:
        index = self.read(given)[..., 0]
        if index.ndim:
            raise InputError(f"{self.shock}: expected one state, got {show(given)}")
        return int(index)

    def read_path(self, given, economies: int, periods: int, device) -> Tensor:
        path = indices("shocks", given, self.names)
        if path.shape not in ((periods,), (economies, periods)):
            raise InputError(
                f"shocks: expected one state a period, shape ({periods},) or ({economies}, {periods}) for "
                f"economies={economies} and periods={periods}, got {path.shape}"
            )
        z = torch.tensor(np.broadcast_to(path, (economies, periods)), device=device)
        impossible = self.follows[z[:, :-1], z[:, 1:]] == 0
        if bool(impossible.any()):
            period = int(impossible.any(0).nonzero()[0, 0])
            raise InputError(
                f"shocks: the step from period {period} to {period + 1} has probability zero in the chain of "
                f"{self.shock}; expected a path that can happen"
            )
        return z[..., None]

    def read_before(self, given) -> int | None:
        return None if isinstance(given, str) and given == "any" else self._index(given, ", any")

    def read_change(self, given, hold: int, baseline: str, unit: str | None = None) -> StateShock | None:
        if unit is not None:
            raise InputError(f"unit: {self.shock} has states, and a change of them has no size; got {show(unit)}")
        if not isinstance(given, str) or given.count("->") != 1:
            return None
        before, to = (part.strip() for part in given.split("->"))
        return StateShock(self.read_before(before), self._index(to), hold, baseline)

    def _index(self, name, also: str = "") -> int:
        if not isinstance(name, str) or name not in self.names:
            raise InputError(
                f"shock: there is no state {show(name)} of {self.shock}; there is {', '.join(self.names)}{also}"
            )
        return self.names.index(name)


def flags(names: tuple[str, ...]) -> dict[str, object]:
    """Names of the states of a discrete variable, by the convention for coded values in netCDF files."""
    meanings = " ".join(name.replace(" ", "_") for name in names)
    return {"flag_values": list(range(len(names))), "flag_meanings": meanings}
