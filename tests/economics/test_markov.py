"""The joint chain of (z, eps)."""

import pytest
import torch

from deepham.economics.markov import JointChain, independent
from deepham.errors import InputError

GOOD = [[0.4, 0.4, 0.1, 0.1], [0.2, 0.6, 0.05, 0.15], [0.1, 0.1, 0.4, 0.4], [0.05, 0.15, 0.2, 0.6]]


def changed(row, column, value):
    matrix = [list(line) for line in GOOD]
    matrix[row][column] = value
    return matrix


@pytest.mark.parametrize(
    "matrix, reason",
    [
        (GOOD[:3], "4 x 4"),
        ([[0.5, 0.5], [0.5, 0.5]], "4 x 4"),
        (GOOD[:3] + [[0.5, 0.5]], "matrix"),
        ("abc", "matrix"),
        ([["a", "b", "c", "d"]] * 4, "matrix"),
        (None, "matrix"),
        (changed(0, 0, float("nan")), "finite"),
        (changed(0, 0, float("inf")), "finite"),
        ([[-0.1, 0.9, 0.1, 0.1]] + GOOD[1:], "negative"),
        (changed(2, 3, 0.5), "row 2 sums to 1.1"),
        ([[0.3, 0.3, 0.2, 0.2]] + GOOD[1:], "every eps"),
    ],
)
def test_a_matrix_that_is_no_chain_is_refused_in_one_line(matrix, reason):
    with pytest.raises(InputError, match=reason) as error:
        JointChain(matrix, n_z=2, n_eps=2)
    assert "\n" not in str(error.value)


def test_rows_printed_with_few_digits_are_normalised():
    chain = JointChain(changed(0, 0, 0.40005), n_z=2, n_eps=2)
    for table in (chain.aggregate, chain.individual):
        torch.testing.assert_close(table.sum(-1), torch.ones(table.shape[:-1], dtype=torch.float64), rtol=0, atol=1e-15)


def test_conditional_times_marginal_is_the_joint_chain(ks98, plain):
    chain = JointChain(plain.printed, n_z=2, n_eps=2)
    joint = torch.einsum("zy,zyef->zeyf", chain.aggregate, chain.individual).reshape(4, 4)
    torch.testing.assert_close(joint, torch.tensor(plain.printed, dtype=torch.float64), rtol=0, atol=1e-12)


def test_the_shortest_way_from_state_to_state():
    p = 1 / 3
    only_neighbours = JointChain(
        [[1 - p, p, 0, 0], [p, 1 - 2 * p, p, 0], [0, p, 1 - 2 * p, p], [0, 0, p, 1 - p]], n_z=4, n_eps=1
    )
    assert only_neighbours.route(0, 3) == [1, 2, 3] and only_neighbours.route(3, 1) == [2, 1]
    assert only_neighbours.route(2, 2) == [2]
    absorbing = JointChain([[0.5, 0.5], [0, 1]], n_z=2, n_eps=1)
    assert absorbing.route(1, 0) == []


def test_a_chain_carries_stated_shares_exactly_and_stays_a_chain(seeded):
    """Whatever the shares, of three states; one that it has already is left as it is."""
    rows = torch.rand((6, 6), generator=seeded(), dtype=torch.float64)
    joint = (
        rows.reshape(2, 3, 2, 3)
        / rows.reshape(2, 3, 2, 3).sum(3, keepdim=True)
        * torch.tensor([[0.8, 0.2], [0.3, 0.7]])[:, None, :, None]
    )
    chain = JointChain(joint.reshape(6, 6).tolist(), n_z=2, n_eps=3)
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], dtype=torch.float64)
    exact = chain.carrying(shares)
    arriving = torch.einsum("zyef,ze->zyf", exact.individual, shares)
    torch.testing.assert_close(arriving, shares.expand(2, 2, 3), rtol=0, atol=1e-15)
    torch.testing.assert_close(exact.individual.sum(-1), torch.ones(2, 2, 3, dtype=torch.float64), rtol=0, atol=1e-15)
    assert bool((exact.individual >= 0).all()) and torch.equal(exact.aggregate, chain.aggregate)
    torch.testing.assert_close(exact.carrying(shares).individual, exact.individual, rtol=0, atol=1e-15)


def test_a_mirrored_path_has_bad_luck_for_good(ks98, seeded):
    start = torch.tensor([[0]])
    path, image = (ks98.chain.draw_path(start, 400, seeded(3), mirrored) for mirrored in (False, True))
    apart = int((path != image).nonzero()[0, 1])  # from where they first differ on
    assert apart < 50 and bool((path + image == 1)[:, apart:].all())


def test_a_state_that_cannot_follow_leaves_no_nan():
    chain = JointChain([[0.3, 0.7, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.2, 0.8], [0, 0, 1, 0]], n_z=2, n_eps=2)
    torch.testing.assert_close(chain.aggregate, torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(chain.individual.sum(-1), torch.ones(2, 2, 2, dtype=torch.float64))
    torch.testing.assert_close(chain.individual[1, 1], torch.tensor([[0.2, 0.8], [1, 0]], dtype=torch.float64))


def test_a_state_that_hardly_ever_follows_keeps_its_rows():
    rare = 5e-324
    chain = JointChain([[1, 0, rare, 0], [0, 1, 0, rare], [0, 0, 1, 0], [0, 0, 0, 1]], n_z=2, n_eps=2)
    torch.testing.assert_close(chain.individual.sum(-1), torch.ones(2, 2, 2, dtype=torch.float64))


def test_unemployment_reproduces_itself(ks98, plain):
    for z in (0, 1):
        shares = torch.tensor([plain.u[z], 1 - plain.u[z]], dtype=torch.float64)
        for z_next in (0, 1):
            following = shares @ ks98.chain.individual[z, z_next]
            assert float(following[0]) == pytest.approx(plain.u[z_next], abs=4e-6)  # the chain has six digits


def test_long_run_shares():
    asymmetric = JointChain([[0.9, 0.1], [0.3, 0.7]], n_z=2, n_eps=1)
    torch.testing.assert_close(asymmetric.stationary_z(), torch.tensor([0.75, 0.25], dtype=torch.float64))
    torch.testing.assert_close(JointChain(GOOD, 2, 2).stationary_eps(), torch.tensor([[1 / 3, 2 / 3]] * 2).double())


def test_long_run_shares_are_the_same_to_the_last_bit_at_every_call():
    """A solver whose rounding depends on where memory lies would turn the ties of equal states into chance."""
    chain = JointChain([[0.75, 0.25], [0.25, 0.75]], n_z=2, n_eps=1)
    assert chain.stationary_z().tolist() == [0.5, 0.5]
    scattered, shares = [], set()
    for size in range(400):
        scattered.append(bytearray(37 * size % 601 + 1))
        shares.add(tuple(JointChain(GOOD, 2, 2).stationary_eps().flatten().tolist()))
    assert len(shares) == 1


def test_unemployment_of_a_lasting_state_is_u(ks98, plain):
    torch.testing.assert_close(ks98.chain.stationary_eps()[:, 0], torch.tensor(plain.u).double(), rtol=0, atol=2e-6)


def test_z_stays_with_probability_seven_eighths(ks98):
    expected = torch.tensor([[0.875, 0.125], [0.125, 0.875]], dtype=torch.float64)
    torch.testing.assert_close(ks98.chain.aggregate, expected, rtol=0, atol=1e-12)


def test_drawn_paths_start_where_told_and_persist_like_the_chain(seeded):
    chain = JointChain([[0.9, 0.1], [0.3, 0.7]], n_z=2, n_eps=1)
    start = torch.arange(400)[:, None] % 2
    path = chain.draw_path(start, 250, seeded())
    assert path.shape == (400, 250, 1) and torch.equal(path[:, 0], start)
    for z, stay in enumerate((0.9, 0.7)):
        stayed = (path[:, 1:] == z)[path[:, :-1] == z].double()
        assert float(stayed.mean()) == pytest.approx(stay, abs=4 * (stay * (1 - stay) / len(stayed)) ** 0.5)


def test_inversion_turns_even_numbers_into_the_exact_shares(ks98):
    n = 10_000
    uniform = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    for z in (0, 1):
        state = torch.full((n,), z)
        share = ks98.chain.draw_z(state, uniform).double().mean()
        assert float(share) == pytest.approx(float(ks98.chain.aggregate[z, 1]), abs=1 / n)
        for eps in (0, 1):
            own, following = torch.full((1, n), eps), torch.tensor([[1 - z]])
            share = ks98.chain.draw_eps(own, torch.tensor([[z]]), following, uniform[None]).double().mean()
            assert float(share) == pytest.approx(float(ks98.chain.individual[z, 1 - z, eps, 1]), abs=1 / n)


def test_the_average_chain_of_a_state_that_nobody_stays_in():
    """The last of three states is left and never entered: its row is the mean over z."""
    bad, good = ([[0.5, 0.5, 0], [0.2, 0.8, 0], row] for row in ([1.0, 0, 0], [0, 1.0, 0]))
    joint = torch.tensor([bad, good]).double().permute(1, 0, 2) / 2  # (eps, z', eps'), the same for every z
    average = JointChain(joint.expand(2, 3, 2, 3).reshape(6, 6).tolist(), n_z=2, n_eps=3).average()
    expected = torch.tensor([[0.5, 0.5, 0], [0.2, 0.8, 0], [0.5, 0.5, 0]], dtype=torch.float64)
    torch.testing.assert_close(average, expected)


def test_the_average_chain_is_what_a_long_simulation_shows(ks98):
    """Its long run holds as many households in each state as the economy does on average."""
    average = ks98.chain.average()
    torch.testing.assert_close(average.sum(1), torch.ones(2, dtype=torch.float64))
    rate = torch.tensor([0.07, 0.93], dtype=torch.float64)
    torch.testing.assert_close(rate @ average, rate, rtol=0, atol=1e-5)  # the published chain has six digits
    same = JointChain(average.tolist(), n_z=1, n_eps=2).average()
    torch.testing.assert_close(same, average)
    generator = torch.Generator().manual_seed(0)
    z, eps = torch.ones(1, 1, dtype=torch.long), (torch.rand((1, 20_000), generator=generator) > 0.07).long()
    moves = torch.zeros(2, 2, dtype=torch.float64)
    for u in torch.rand((400, 20_001), generator=generator, dtype=torch.float64):
        z_next = ks98.chain.draw_z(z, u[None, :1])
        eps_next = ks98.chain.draw_eps(eps, z, z_next, u[None, 1:])
        moves += torch.nn.functional.one_hot(2 * eps[0] + eps_next[0], 4).sum(0).reshape(2, 2)
        z, eps = z_next, eps_next
    torch.testing.assert_close(moves / moves.sum(1, keepdim=True), average, rtol=0, atol=0.02)


def test_of_many_states_only_those_that_can_follow_are_looked_at():
    """Ages times incomes: each has two successors, and expectations and draws are those of the whole rows."""
    n = 40
    rows = torch.zeros(n, n, dtype=torch.float64)
    rows[torch.arange(n), (torch.arange(n) + 2) % n] = 0.75
    rows[torch.arange(n), (torch.arange(n) + 3 - 2 * (torch.arange(n) % 2)) % n] = 0.25
    chain = JointChain(rows, n_z=1, n_eps=n)
    eps, z = torch.arange(n)[None], torch.zeros(1, 1, dtype=torch.long)
    assert chain.successors.shape == (n, 2)
    values = torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = (chain.move_probabilities(eps, z, z) * values[chain.successors[eps]]).sum(-1)
    torch.testing.assert_close(found, (chain.eps_probabilities(eps, z, z) * values).sum(-1), rtol=1e-14, atol=0)
    drawn = [chain.draw_eps(eps, z, z, torch.full((1, n), u, dtype=torch.float64)) for u in (0.1, 0.9)]
    assert all(bool((rows[torch.arange(n), each[0]] > 0).all()) for each in drawn)


def test_independent_shocks_have_the_product_of_their_long_runs():
    z, eps = [[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]]
    chain = independent(z, eps)
    torch.testing.assert_close(chain.aggregate, torch.tensor(z, dtype=torch.float64))
    torch.testing.assert_close(chain.individual, torch.tensor(eps, dtype=torch.float64).expand(2, 2, 3, 3))
    torch.testing.assert_close(chain.average(), torch.tensor(eps, dtype=torch.float64))


def test_types_that_never_mix_are_refused_in_one_line():
    chain = JointChain([[0.9, 0.1], [0.5, 0.5]], n_z=1, n_eps=2)
    with pytest.raises(InputError, match="types: some states are never left, .*; expected") as refused:
        chain.with_types([[1.0, 0.0], [0.0, 1.0]])
    assert "\n" not in str(refused.value)
    assert chain.with_types([[0.9, 0.1], [0.2, 0.8]]).n_eps == 4


def test_what_is_no_chain_is_refused_by_independent_too():
    with pytest.raises(InputError, match="sums to 1.1"):
        independent([[0.9, 0.2], [0.1, 0.9]], [[1.0]])
