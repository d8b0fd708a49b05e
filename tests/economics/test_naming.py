"""What every process answers of its aggregate state, whatever kind it is of."""

import pytest
import torch

from deepham.errors import InputError
from deepham.reference.household import wide_at


@pytest.fixture
def path(economy, seeded):
    """Aggregate states (2, 5, d) around the typical ones."""
    z = economy.chain.around_typical()
    return z[torch.randint(len(z), (2, 5), generator=seeded())]


def test_what_a_label_stands_for_is_read_as_the_state_that_it_labels(economy):
    z, naming = economy.chain.typical_z(), economy.naming
    labels, given = zip(*naming.labels(z))
    assert all(label.startswith(f"{economy.aggregate_shock} ") for label in labels)
    assert len(set(labels)) == len(labels) == len(z) == len(naming.names)
    assert torch.equal(torch.tensor(naming.read(list(given))), z)


def test_the_states_of_cross_sections_come_back_from_what_is_kept(economy, path):
    chain = economy.chain
    mean = chain.mean_z(path)
    kept = chain.kept(mean)
    assert torch.equal(chain.restored(kept.get("z")), mean)
    assert torch.equal(chain.cell(mean), torch.arange(chain.n_z))
    with pytest.raises(InputError, match="^z: expected"):
        chain.restored(None if kept else mean)


def test_paths_begin_in_the_state_of_a_cross_section(economy, path, seeded):
    chain = economy.chain
    shocks = chain.draw_path(path[:, 0], 3, seeded())
    mean = chain.mean_z(path)
    first = chain.begin(shocks[:, 0], mean)
    assert len(first) == 2 and torch.equal(first, mean[chain.cell(first)])
    later = chain.follow(first, shocks[:, 1], wide_at(economy, economy.table([[economy.scale]] * 2), first))
    assert later.shape == first.shape


def test_a_sample_of_what_may_follow_weighs_it_by_its_probability(economy, seeded):
    z = economy.chain.typical_z()
    beside = wide_at(economy, economy.table([economy.scale]).expand(len(z), 1), z)
    states, chance = economy.chain.next_states(z, beside)
    drawn, share = economy.chain.sampled_states(z, beside, 20_000, seeded())
    assert torch.equal(drawn, states)
    torch.testing.assert_close(share.sum(1), torch.ones(len(z), dtype=torch.float64))
    torch.testing.assert_close(share, chance, rtol=0, atol=4 * 0.5 / 20_000**0.5)  # four standard errors


def test_what_can_be_held_is_read_as_a_shock_that_is_held(economy):
    held = economy.naming.held
    assert held.given.keys() == held.labels.keys()
    assert [economy.naming.read_held(given) for given in held.given.values()] == list(range(economy.chain.n_z))


def test_the_worst_shock_is_one_that_can_be_asked_for_and_said(economy):
    naming = economy.naming
    if economy.chain.constant:
        assert naming.worst is None
        return
    shock = naming.read_change(naming.worst, 3, "drawn")
    assert shock.hold == 3 and f"held for 3 {economy.period}s" in shock.in_words(naming, economy.period)
    assert (
        shock.explained(naming, economy.period).startswith("What ")
        and naming.read_change({"transfer": 0.1}, 1, "drawn") is None
    )
