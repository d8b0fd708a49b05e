"""Autoregressions beside a chain, and the finite chain through the same interface."""

import pytest
import torch

from deepham import economics
from deepham.economics.autoregressions import Autoregressions
from deepham.economics.generations import Generations
from deepham.errors import InputError
from deepham.simulation.expectation import expand_next
from deepham.simulation.period import World
from deepham.simulation.walk import initial_panel

RHO, SIGMA = (0.95, 0.5, -0.3), (0.01, 0.002, 0.03)
JOBS = torch.tensor([[0.4, 0.6], [0.05, 0.95]], dtype=torch.float64)


@pytest.fixture
def process():
    return Autoregressions(RHO, SIGMA, JOBS)


def test_long_paths_have_the_moments_of_the_autoregressions(process, seeded):
    generator, b = seeded(), 20_000
    z, eps = process.start(*(torch.rand(b, n, generator=generator, dtype=torch.float64) for n in (3, 4)))
    share = 0.05 / 0.65  # unemployed in the long run
    assert float((eps == 0).double().mean()) == pytest.approx(share, abs=4 * (share * (1 - share) / (4 * b)) ** 0.5)
    for _ in range(3):  # the distribution that it starts from stays
        before, z = z, process.draw_z(z, torch.rand(b, 3, generator=generator, dtype=torch.float64))
    for i, (rho, sigma) in enumerate(zip(RHO, SIGMA)):
        spread = sigma / (1 - rho**2) ** 0.5
        assert float(z[:, i].mean()) == pytest.approx(0, abs=4 * spread / b**0.5)
        assert float(z[:, i].std()) == pytest.approx(spread, rel=4 * (2 * b) ** -0.5)
        assert float((z[:, i] * before[:, i]).mean() / spread**2) == pytest.approx(rho, abs=4 * 2**0.5 * b**-0.5)
        innovation = z[:, i] - rho * before[:, i]
        assert float(innovation.std()) == pytest.approx(sigma, rel=4 * (2 * b) ** -0.5)
    correlations = torch.corrcoef(z.T) - torch.eye(3)
    assert float(correlations.abs().max()) < 4 * b**-0.5


def test_a_mirrored_path_has_the_opposite_innovations(process, seeded):
    start = torch.zeros(2, 3, dtype=torch.float64)
    path, image = (process.draw_path(start, 5, seeded(1), mirrored) for mirrored in (False, True))
    assert path.shape == (2, 5, 3) and torch.equal(image, -path) and bool((path != 0).all())


def test_next_states_have_the_conditional_moments(process):
    z = torch.tensor([[0.02, -0.001, 0.0], [0.0, 0.0, 0.05]], dtype=torch.float64)
    z_next, p = process.next_states(z)
    assert z_next.shape == (2, 6, 3) and p.shape == (2, 6) and process.n_next == 6
    mean = torch.einsum("bs,bsi->bi", p, z_next)
    torch.testing.assert_close(mean, torch.tensor(RHO) * z, rtol=1e-6, atol=1e-15)
    apart = z_next - mean[:, None]
    variance = torch.einsum("bs,bsi,bsj->bij", p, apart, apart)
    torch.testing.assert_close(
        variance, torch.tensor(SIGMA).double().square().diag().expand(2, 3, 3), rtol=1e-6, atol=1e-18
    )


def test_directions_are_drawn_where_there_is_a_generator_and_nowhere_else(seeded):
    process, z = Autoregressions(RHO, SIGMA, JOBS, directions=2), torch.zeros(5000, 3, dtype=torch.float64)
    full, p_full = process.next_states(z)
    drawn, p = process.next_states(z, generator=seeded())
    assert full.shape[1] == 6 and drawn.shape[1] == 4 and bool((p == 0.25).all())
    assert not torch.equal(drawn[0], drawn[1])  # of its own in each economy
    torch.testing.assert_close(drawn.mean(1), torch.zeros_like(z))
    square, exact = (drawn**2).mean(1), torch.tensor(SIGMA).double() ** 2
    assert bool(((square.mean(0) - exact).abs() < 4 * square.std(0) / 5000**0.5).all())
    always = Autoregressions(RHO, SIGMA, JOBS)
    generator = seeded()
    before = generator.get_state()
    assert torch.equal(always.next_states(z, generator=generator)[0], full) and torch.equal(
        generator.get_state(), before
    )
    torch.testing.assert_close(p_full.sum(1), torch.ones(5000, dtype=torch.float64))


def test_features_are_of_order_one_as_a_whole_and_survive_states_that_rest(process):
    features = process.features(3 * process.spread[None]) / process.feature_unit
    torch.testing.assert_close(features.norm(dim=1), torch.ones(1, dtype=torch.float64))
    resting = Autoregressions([0.9], [0.0], JOBS)
    assert bool((resting.features(torch.zeros(2, 1)) / resting.feature_unit == 0).all())


def test_moves_to_another_precision(process):
    moved = process.to(dtype=torch.float32)
    assert moved.dtype == torch.float32 == moved.typical_z().dtype and process.dtype == torch.float64
    z_next, p = moved.next_states(torch.zeros(1, 3))
    assert z_next.dtype == p.dtype == torch.float32


@pytest.mark.parametrize(
    "rho, sigma, extra",
    [
        ([1.0], [0.1], {}),
        ([0.5, 0.5], [0.1], {}),
        ([], [], {}),
        ([0.5], [-0.1], {}),
        ([0.5], [float("nan")], {}),
        ([0.5], [0.1], {"points": 0}),
        ([0.5], [0.1], {"directions": 0}),
    ],
)
def test_what_is_no_process_is_refused(rho, sigma, extra):
    with pytest.raises(InputError, match="persistence|innovation|points"):
        Autoregressions(rho, sigma, JOBS, **extra)


FINITE = [name for name in economics.names() if economics.create(name).chain.every_z() is not None]


@pytest.mark.parametrize("name", FINITE)
def test_the_finite_chain_gives_through_the_interface_what_its_matrices_say(name, seeded):
    economy = economics.create(name)
    chain, z = economy.chain, torch.arange(economy.chain.n_z)[:, None]
    states, p = chain.next_states(z, generator=seeded())
    assert torch.equal(states, z.expand(chain.n_z, -1, -1)) and torch.equal(p, chain.aggregate)
    expected = [2.0 * (z[:, 0] == index) - 1 for index in range(1, chain.n_z)]
    assert torch.equal(chain.features(z), torch.stack(expected, 1)) and torch.equal(
        chain.feature_unit, torch.ones(len(expected)).double()
    )
    assert (chain.draws, chain.n_next) == (1, chain.n_z)
    panel = initial_panel(economy, 4, 6, seeded(3))
    uniform = torch.rand((4, 7), generator=seeded(3), dtype=torch.float64)
    assert torch.equal(panel.z, (uniform[:, :1] >= chain.stationary_z()[:-1].cumsum(0)).sum(-1, keepdim=True))
    today = panel.z[:, 0]
    shares = chain.stationary_eps()[today]
    if not isinstance(chain, Generations):  # ages begin in cohorts of one size
        assert torch.equal(panel.population.eps, (uniform[:, 1:, None] >= shares[:, None, :-1].cumsum(-1)).sum(-1))
    following, p_z, p_eps = expand_next(economy, panel.population, World(economy).before(panel), seeded())
    assert torch.equal(p_z, chain.aggregate[today]) and torch.equal(following.z, z.repeat(4, 1))
    for b, state in enumerate(today.tolist()):
        eps = panel.population.eps[b]
        lives = economy.continues(eps[:, None], chain.successors[eps])
        moves = chain.individual[state][:, eps].gather(-1, chain.successors[eps].expand(chain.n_z, -1, -1))
        assert torch.equal(p_eps[b], moves if lives is None else moves * lives)


def test_individual_states_move_by_their_own_chain(process, seeded):
    eps, z = torch.tensor([[0, 1, 1]]), torch.zeros(1, 3, dtype=torch.float64)
    assert torch.equal(process.eps_probabilities(eps, z, z), JOBS[eps])
    uniform = torch.tensor([[0.39, 0.04, 0.06]], dtype=torch.float64)
    assert process.draw_eps(eps, z, z, uniform).tolist() == [[0, 0, 1]]
