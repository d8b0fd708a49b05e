"""Training that starts from the grid's household at rest: what it starts from, and that markets then open calmly."""

import lightning
import pytest
import torch

from deepham.algorithm.looking_ahead import UNIT
from deepham.algorithm.newton import flat
from deepham.algorithm.residuals import residuals
from deepham.economics.hank import TOLD
from deepham.reference.stationary import households_at
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.training.fit import fit
from deepham.training.from_rest import from_rest, on_a_grid
from deepham.training.module import DeepHAM
from deepham.training.stream import PanelStream

SHORT = [
    "model=hank",
    "algorithm=euler_newton",
    "network.width=10",
    "algorithm.nodes=30",
    "algorithm.newton.economies=6",
    "algorithm.newton.households=40",
    "algorithm.newton.value_updates=1",
]


@pytest.fixture
def rest(settings):
    """Settings, a module whose networks know their bases, and the cross-section."""
    chosen = settings(*SHORT)
    module = DeepHAM(**chosen.hyperparameters())
    return chosen, module, from_rest(chosen.economy, [module.policy, module.value], chosen.algorithm)


@torch.no_grad()
def test_an_untrained_plan_is_the_stationary_one(rest):
    chosen, module, people = rest
    economy, household = chosen.economy, chosen.economy.at_rest()
    plan, _ = households_at(household, on_a_grid(chosen.algorithm.nodes, chosen.algorithm.top), economy.B)
    theirs = World(household, plan).period(Panel(people, household.chain.typical_z()))
    panel = Panel(people, economy.chain.typical_z())

    def apart(policy):
        ours = World(economy, policy.double(), resting=True).period(panel)
        return float(people.mean((ours.consumption / theirs.consumption).log().abs()))

    assert float(people.mean(people.k)) == pytest.approx(economy.B, rel=0.05)  # on a grid of so few nodes
    assert apart(module.policy) < 1e-5
    assert apart(DeepHAM(**chosen.hyperparameters()).policy) > 0.05, "an untaught one is not"


@torch.no_grad()
def test_without_shocks_an_untrained_value_is_that_of_the_plan(rest):
    """Its Bellman equation and its slope, at households between the nodes; unit: utils of a permanent percent."""
    chosen, module, _ = rest
    calm = chosen.economy.without_aggregate_risk()
    k = calm.initial_assets((1, 300), torch.Generator().manual_seed(1))
    panel = Panel(Population.panel(k, torch.arange(300)[None] % calm.chain.n_eps), calm.chain.typical_z())
    world = World(calm, module.policy.double(), module.value.double(), resting=True)
    found = residuals(world, panel)
    assert float(found.bellman_policy.abs().max()) < 1e-4 * 0.01 * module.value.unit
    assert float(found.bellman_optimality.abs().max()) < 1e-3 * 0.01 * module.value.unit, "its slope is right, too"


@torch.no_grad()
def test_the_value_at_rest_goes_on_where_no_node_is(rest):
    """It rises, less and less, and no faster at a node."""
    table = rest[1].value.at_rest
    highest = float(table.table[0].max())
    m = torch.linspace(-2, 3 * highest, 20001, dtype=torch.float64)
    for state in range(len(table.table[0])):
        rise = table(m[None], torch.full_like(m, state, dtype=torch.long)[None])[0].diff()
        assert bool((rise > 0).all())
        assert bool((rise.diff() < 1e-3 * rise[1:]).all())


@torch.no_grad()
def test_the_plan_at_rest_goes_on_where_no_node_is(rest):
    """Below the least resources of rest, through the kink and beyond the last node it is positive, rises and does not
    jump."""
    _, module, _ = rest
    table = module.policy.at_rest
    highest = float(table.table[0].max())
    m = torch.linspace(-2, 2 * highest, 20001, dtype=torch.float64)
    for state in range(len(table.table[0])):
        c = table(m[None], torch.full_like(m, state, dtype=torch.long)[None])[0]
        assert bool((c > 0).all()) and bool((c.diff() > 0).all())
        assert bool((c.diff() < m.diff()).all()), "no jump: of one more good less than one is consumed"


@torch.no_grad()
def test_while_the_economy_rests_mean_assets_are_what_there_is_of_them_and_wages_rest(rest):
    chosen, module, people = rest
    settings = chosen.algorithm.of_stream()
    single = Population(people.k.float(), people.eps, people.weight.float())
    generator = torch.Generator().manual_seed(1)
    stream = PanelStream(module.economy, module.policy.float(), settings, generator, rest=single)
    batches = [batch for _, batch in zip(range(3), stream)]
    assert all(batch.resting for batch in batches)
    for batch in batches:
        held = batch.panel.population.mean(batch.panel.population.k)
        torch.testing.assert_close(held, torch.full_like(held, module.economy.B), rtol=1e-4, atol=0)
    assert float(batches[-1].panel.z.std(0)[0]) > 0, "shocks come"


class Watch(lightning.Callback):
    """Wages, what is left of the Phillips curve, and the weights of plan and outlook, after each update."""

    def __init__(self):
        self.wages, self.told, self.plans, self.outlooks = [], [], [], []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.wages.append(batch.panel.near[:, 1].clone())
        self.told.append(dict(module.learner.told))
        self.plans.append(flat(module.policy.mlp))
        self.outlooks.append(flat(module.policy.outlook))


@pytest.mark.slow
def test_markets_open_calmly_from_rest(settings):
    """From a cold start wages go to the ends of their range, and the Phillips curve is missed by hundreds of points."""
    watch = Watch()
    fit(
        settings(
            *SHORT,
            "algorithm.policy_steps=14",
            "algorithm.newton.resting=10",
            "algorithm.newton.outlook_updates=3",
            "algorithm.newton.fine_updates=4",
            "algorithm.newton.last_nodes=40",
            "algorithm.outer_iterations=3",
        ),
        [watch],
        [],
    )
    wages = torch.stack(watch.wages[12:])
    assert bool(((wages * 1.2).log().abs() < 0.3).all())
    assert watch.told[-1]["policy"] < 0.01
    assert watch.told[-1]["foresight"] * UNIT * TOLD < 5  # basis points a year
    # in the end only the outlook moves
    assert all(torch.equal(watch.plans[-4], plan) for plan in watch.plans[-3:])
    assert not torch.equal(watch.plans[-5], watch.plans[-4])
    assert not torch.equal(watch.outlooks[-2], watch.outlooks[-1])
