"""Joint Markov chain of the aggregate shock z and the individual shock eps."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.named_states import NamedStates
from deepham.economics.process import Aggregates, ShockProcess, invert
from deepham.errors import InputError, require, show

ROW_SUM_TOLERANCE = 1e-4  # published chains are printed with six digits


class JointChain(ShockProcess):
    """Transitions of (z, eps), with eps moving independently across households given z and z'.

    Args:
        matrix: rows and columns in the order (z0, eps0), (z0, eps1), ..., (z1, eps0), ...; rows sum to one.
        n_z, n_eps: numbers of aggregate and of individual states.

    Attributes (float64, on the CPU until `to` is called):
        aggregate: (n_z, n_z), P(z' | z).
        individual: (n_z, n_z, n_eps, n_eps), P(eps' | z, z', eps) indexed [z, z', eps, eps'].

    Raises:
        InputError: the matrix is not a Markov chain, or its P(z' | z) depends on eps.
    """

    draws = 1

    def __init__(self, matrix, n_z: int, n_eps: int):
        try:
            joint = torch.as_tensor(matrix, dtype=torch.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"chain_matrix: expected a square matrix of numbers, got {matrix!r}") from error
        size = n_z * n_eps
        if joint.shape != (size, size):
            raise InputError(f"chain_matrix: expected {size} x {size} (z by eps), got shape {tuple(joint.shape)}")
        if not bool(torch.isfinite(joint).all()) or bool((joint < 0).any()):
            raise InputError("chain_matrix: every probability must be finite and not negative")
        sums = joint.sum(1)
        worst = int((sums - 1).abs().argmax())
        if abs(float(sums[worst]) - 1) > ROW_SUM_TOLERANCE:
            raise InputError(f"chain_matrix: row {worst} sums to {float(sums[worst]):.6g}, every row must sum to 1")
        joint = (joint / sums[:, None]).reshape(n_z, n_eps, n_z, n_eps)
        aggregate = joint.sum(3)  # (z, eps, z')
        if float((aggregate - aggregate.mean(1, keepdim=True)).abs().max()) > ROW_SUM_TOLERANCE:
            raise InputError("chain_matrix: the probabilities of z' given z must be the same for every eps")
        self.n_z, self.n_eps, self.n_next = n_z, n_eps, n_z
        self.feature_unit = torch.ones(n_z - 1, dtype=torch.float64)
        self.aggregate = aggregate.mean(1)
        # z' that cannot follow z: any distribution will do, it gets weight zero
        # (z, eps, z', eps')
        conditional = torch.where(aggregate[..., None] > 0, joint / aggregate[..., None], 1.0 / n_eps)
        self._set_individual(conditional.permute(0, 2, 1, 3).contiguous())

    def to(self, device=None, dtype=None) -> JointChain:
        moved = object.__new__(type(self))
        moved.n_z, moved.n_eps, moved.n_next = self.n_z, self.n_eps, self.n_next
        moved.feature_unit = self.feature_unit.to(device=device, dtype=dtype)
        moved.aggregate = self.aggregate.to(device=device, dtype=dtype)
        moved.individual = self.individual.to(device=device, dtype=dtype)
        moved.moves, moved.successors = self.moves.to(device=device, dtype=dtype), self.successors.to(device=device)
        return moved

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        z = invert(self.stationary_z(), for_z)
        return z, invert(self.stationary_eps()[z], for_eps)

    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        return shock

    def draw_z(self, z: Tensor, uniform: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        """Next aggregate state by inversion. z, uniform and result are of one shape."""
        return invert(self.aggregate[z], uniform)

    def next_states(
        self, z: Tensor, aggregates: Aggregates | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.every_z().expand(len(z), -1, -1), self.aggregate[z[:, 0]]

    def sampled_states(
        self, z: Tensor, aggregates: Aggregates | None, draws: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        z_next, p_z = self.next_states(z)
        uniform = torch.rand((len(z), draws), generator=generator, device=p_z.device, dtype=p_z.dtype)
        drawn = self.draw_z(z.expand(-1, draws), uniform)
        return z_next, (drawn[:, None] == z_next).to(p_z).mean(2)

    def eps_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        return self.individual[z, z_next, eps]

    def move_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        return self.moves[z, z_next, eps]

    def features(self, z: Tensor) -> Tensor:
        """1 in a state and -1 in the others, for every state but the first: (B, n_z - 1)."""
        return 2.0 * (z == torch.arange(1, self.n_z, device=z.device)) - 1

    def cell(self, z: Tensor) -> Tensor:
        return z[:, 0]

    def eps_shares(self) -> Tensor:
        return self.stationary_z() @ self.stationary_eps()

    def typical_z(self) -> Tensor:
        return torch.arange(self.n_z, device=self.device)[:, None]

    def around_typical(self) -> Tensor:
        return self.typical_z()

    def every_z(self) -> Tensor:
        return self.typical_z()

    @property
    def constant(self) -> bool:
        return self.n_z == 1

    @property
    def counted(self) -> str:
        return str(self.n_z)

    def moved_by_shocks(self, aggregates: Aggregates) -> bool:
        return not self.constant

    def mean_z(self, z: Tensor) -> Tensor:
        return torch.arange(self.n_z, device=z.device)[:, None]

    def begin(self, shock: Tensor, mean: Tensor | None) -> Tensor:
        return shock

    def kept(self, mean: Tensor) -> dict[str, Tensor]:
        return {}

    def restored(self, kept: Tensor | None) -> Tensor:
        require(kept is None, "z: expected none where the aggregate state is a finite chain")
        return self.typical_z()

    def naming(self, shock: str, names: tuple[str, ...]) -> NamedStates:
        return NamedStates(shock, names, self.aggregate)

    def draw_path(self, start: Tensor, periods: int, generator: torch.Generator, mirrored: bool = False) -> Tensor:
        """Aggregate states z_0 ... z_{T-1} with z_0 = start (B, 1): result (B, T, 1)."""
        path = [start]
        shape = (max(periods - 1, 0), *start.shape)
        uniform = torch.rand(shape, generator=generator, device=start.device, dtype=self.aggregate.dtype)
        following = invert(self.aggregate, (1 - uniform if mirrored else uniform).expand(-1, -1, self.n_z))
        for from_each in following:  # (B, n_z): known of all z at once, so that a period costs one operation
            path.append(from_each.gather(1, path[-1]))
        return torch.stack(path[:periods], 1)

    def carrying(self, shares: Tensor) -> JointChain:
        """The chain that carries the shares (n_z, n_eps) of each z into those of z' to rounding, where this one,
        printed with six digits, misses by a millionth: what households earn and what firms pay would differ by as much.

        States that too many come to are entered less often, by one factor, and those that too few come to instead.
        """
        arriving = torch.einsum("zyef,ze->zyf", self.individual, shares)
        missing = (shares - arriving).clamp_min(0)
        kept = self.individual * (shares / arriving).nan_to_num(1.0).clamp_max(1)[:, :, None]
        instead = (missing / missing.sum(-1, keepdim=True)).nan_to_num(0.0)
        exact = self.to()
        exact._set_individual(kept + (1 - kept.sum(-1, keepdim=True)) * instead[:, :, None])
        return exact

    def with_types(self, moves) -> JointChain:
        """The chain of households that are of a type beside, which changes on its own: P(h' | h) (H, H). The individual
        state is h * n_eps + eps.

        Raises:
            InputError: moves that are no chain, or types whose shares depend for ever on what they were at first.
        """
        types = JointChain(moves, n_z=1, n_eps=len(moves)).individual[0, 0].to(self.individual)
        stationary(types, "types")
        joint = self.to()
        joint.n_eps = len(types) * self.n_eps
        individual = torch.einsum("hg,zyef->zyhegf", types, self.individual)
        joint._set_individual(individual.reshape(self.n_z, self.n_z, joint.n_eps, joint.n_eps))
        return joint

    def route(self, start: int, end: int) -> list[int]:
        """The states of the shortest path from one aggregate state to another, without the first; empty where there is
        none."""
        before, queue = {}, [start]
        while queue and end not in before:
            here = queue.pop(0)
            following = [z for z in (self.aggregate[here] > 0).nonzero()[:, 0].tolist() if z not in before]
            before |= dict.fromkeys(following, here)
            queue += following
        path = [end] if end in before else []
        while path and before[path[0]] != start:
            path.insert(0, before[path[0]])
        return path

    def stationary_z(self) -> Tensor:
        """Long-run shares of the aggregate states, (n_z,)."""
        return stationary(self.aggregate)

    def stationary_eps(self) -> Tensor:
        """Shares of the individual states in each aggregate state, were it to last for ever: (n_z, n_eps)."""
        return torch.stack([stationary(self.individual[z, z]) for z in range(self.n_z)])

    def average(self) -> Tensor:
        joint = self.aggregate[:, None, :, None] * self.individual.permute(0, 2, 1, 3)  # (z, eps, z', eps')
        size = self.n_z * self.n_eps
        mass = stationary(joint.reshape(size, size)).reshape(self.n_z, self.n_eps)
        # a state that nobody is in after a while is left by the shares of z alone
        share = torch.where(mass.sum(0) > 0, mass / mass.sum(0), self.stationary_z()[:, None])
        return torch.einsum("ze,zeyf->ef", share, joint)


def independent(z, eps) -> JointChain:
    """The joint chain where the two move independently: P(z' | z), (n_z, n_z), and P(eps' | eps), (n_eps, n_eps).

    Raises:
        InputError: a matrix is not a Markov chain.
    """
    z, eps = as_numbers("z", z), as_numbers("eps", eps)
    joint = torch.einsum("zy,ef->zeyf", *(JointChain(chain, 1, len(chain)).individual[0, 0] for chain in (z, eps)))
    return JointChain(joint.reshape(len(z) * len(eps), -1), n_z=len(z), n_eps=len(eps))


def as_numbers(name: str, given) -> Tensor:
    """Given lists or arrays as a tensor, float64. Raises InputError for anything but finite numbers."""
    try:
        values = torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name}: expected numbers, got {show(given)}") from error
    require(values.dim() > 0 and bool(values.isfinite().all()), f"{name}: expected finite numbers, got {show(given)}")
    return values


def stationary(transition: Tensor, name: str = "chain_matrix") -> Tensor:
    """Stationary distribution by Grassmann-Taksar-Heyman elimination: no subtraction, the same bits every time.

    Raises:
        InputError: states that are never left; it is said of what has the `name`.
    """
    p = transition.tolist()
    n = len(p)
    for last in range(n - 1, 0, -1):
        leaving = sum(p[last][:last])
        if leaving == 0:
            raise InputError(
                f"{name}: some states are never left, so that there is no single long run; expected that each can lead "
                "to the first one"
            )
        for i in range(last):
            p[i][last] /= leaving
            for j in range(last):
                p[i][j] += p[i][last] * p[last][j]
    shares = [1.0]
    for state in range(1, n):
        shares.append(sum(shares[i] * p[i][state] for i in range(state)))
    return torch.tensor(shares, dtype=transition.dtype, device=transition.device) / sum(shares)
