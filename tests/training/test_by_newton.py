"""Second-order training finds a known solution, takes a bad step back, and says in one line where it cannot be had."""

import pytest
import torch

import deepham
from deepham.algorithm.ergodic_sample import Sample, redistributed
from deepham.algorithm.first_order import Linear
from deepham.algorithm.newton import flat, shift
from deepham.errors import InputError, TrainingDiverged
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.training.by_newton import ByNewton
from deepham.training.conditions import double, mean_of
from deepham.training.fit import fit
from deepham.training.module import DeepHAM
from deepham.training.stream import Batch

SMALL = [
    "network.width=4",
    "algorithm.nodes=20",
    "algorithm.newton.economies=3",
    "algorithm.newton.households=60",
    "algorithm.newton.value_updates=10",
]


def test_it_finds_the_closed_form_in_forty_updates(settings):
    few = ["algorithm.policy_steps=20", "algorithm.newton.largest_step=0.3", "network.width=6", "algorithm.move=2"]
    chosen = settings("model=brock_mirman", "algorithm=euler_newton", *few)
    module, data = fit(chosen, [], [])
    world = World(chosen.economy, module.policy_average.double(), module.value_average.double())
    period = world.period(data.panel.to(dtype=torch.float64))
    gap, truth = chosen.economy.known(period, period.accounts)["consumption"]
    assert abs(float(gap) - truth) < 0.1  # percent; the untrained network is off by two hundred


def test_a_step_that_makes_matters_worse_is_taken_back_and_the_next_is_shorter(settings):
    module, data = fit(settings("algorithm=euler_newton", *SMALL, "algorithm.outer_iterations=1"), [], [])
    learner, before, stream = module.learner, flat(module.policy), data.stream

    def batch():
        return Batch(stream.panel, None, stream.generator, stream.grid, stream.stand)

    last = learner.last
    shift(module.policy, 0.5 * torch.ones_like(before))
    learner.step(batch())
    torch.testing.assert_close(flat(module.policy), last["weights"])
    assert torch.equal(data.stream.panel.population.weight, last["panel"][2])
    assert learner.rates()["accepted"] == 0 and learner.caution > 1
    learner.step(batch())
    assert learner.rates()["accepted"] == 1
    shift(module.policy, float("nan") * torch.ones_like(before))
    learner.step(batch())  # the last step is blamed once
    shift(module.policy, float("nan") * torch.ones_like(before))
    with pytest.raises(TrainingDiverged, match="no step is left to take back"):
        learner.step(batch())


def test_a_sample_looks_farther_out_than_the_economies_are_and_leaves_them_there(settings):
    chosen = settings(
        "model=huggett", "algorithm=euler_newton", *SMALL, "algorithm.newton.spread_z=3", "algorithm.outer_iterations=1"
    )
    module, data = fit(chosen, [], [])
    stream = data.stream
    own = stream.panel.z.double()
    batch = Batch(stream.panel, None, stream.generator, stream.grid, stream.stand)
    ratio = module.learner._sample(module.own, batch, False, module.learner._spread_of_plans()).panel.z / own
    assert (ratio >= 1).all() and (ratio <= 3).all() and ratio.std() > 0.1
    assert torch.equal(stream.panel.z.double(), own)


@pytest.mark.parametrize("how", [["scale_early=0.15"], ["scale_early=0", "spread_of_wealth=0.1"]], ids=" ".join)
def test_markets_clear_in_a_sample_whose_assets_are_moved(settings, how):
    chosen = settings(
        "model=ks98_labour",
        "algorithm=euler_newton",
        *SMALL,
        "algorithm.outer_iterations=1",
        "algorithm.policy_steps=1",
        *(f"algorithm.newton.{setting}" for setting in how),
    )
    module, data = fit(chosen, [], [])
    stream, economy = data.stream, chosen.economy
    batch = Batch(stream.panel, None, stream.generator, stream.grid, stream.stand)
    panel = module.learner._sample(module.own, batch, early=True, spread=1).panel
    world = World(economy, double(module.policy), clamped=True)
    seen = world.seen_at(panel, {"L": panel.near})
    choice = world.choose(seen)
    people, before = panel.population, stream.panel.population
    assert float((people.mean(people.k**2) / before.mean(before.k**2)).std()) > 0.01
    assert float(economy.conditions(choice, economy.carry(choice, seen), seen)["L"].abs().max()) < 1e-5


def test_wealth_held_by_others_is_as_much_in_all_and_who_is_at_the_limit_stays_there(settings):
    """Cross-sections that a policy seldom leads to: mean assets are a market's, and how unequally they are held varies.
    Households of the sample move as the economy's do."""
    economy = settings("model=hank", "algorithm=euler_newton").economy
    grid = wealth_grid(economy, 40, 10.0)
    mass = torch.exp(-grid / economy.scale).expand(5, 7, 40)
    people = Population.histogram(grid, mass / mass.sum((1, 2), keepdim=True))
    k = people.k[:, :9]
    sample = Sample(Panel(people, torch.zeros(5, 3)), k, people.eps[:, :9], torch.ones(5, 9))
    power = torch.linspace(0.9, 1.1, 5, dtype=torch.float64)[:, None]
    moved = redistributed(sample, economy.borrowing_limit, power)
    others = moved.panel.population
    torch.testing.assert_close(others.mean(others.k), people.mean(people.k))
    assert float(others.k.min()) == economy.borrowing_limit
    torch.testing.assert_close(moved.k, others.k[:, :9])
    inequality = others.mean(others.k**2) / people.mean(people.k**2)
    assert bool((inequality.diff(dim=0) > 0.02).all()) and float(inequality[2]) == pytest.approx(1)


@pytest.mark.slow
def test_equations_are_remembered_for_longer_and_longer_before_plans_stay_and_the_last_nodes_are_finer(settings):
    """What a sample says is forgotten as before until plans settle; in the last updates histograms are finer."""
    chosen = settings(
        "model=hank",
        "algorithm=euler_newton",
        *SMALL,
        "algorithm.outer_iterations=3",
        "algorithm.policy_steps=4",
        "algorithm.newton.resting=4",
        "algorithm.newton.settling=4",
        "algorithm.newton.outlook_updates=4",
        "algorithm.newton.last_nodes=30",
        "algorithm.newton.memory_late=0.75",
        "algorithm.newton.memory_at_last=0.95",
    )
    learner, memories = DeepHAM(**chosen.hyperparameters()).learner, []
    for learner.module.updates in range(9):
        memories.append(learner._memory(early=False))
    assert memories == pytest.approx([0.75] * 5 + [0.8, 0.85, 0.9, 0.95])
    _, data = fit(chosen, [], [])
    assert data.stream.panel.population.k.shape[1] == 7 * 30
    assert float(data.stream.panel.population.weight.sum()) == pytest.approx(3, abs=1e-4)


def test_a_population_that_is_no_number_ends_training(settings):
    module, data = fit(settings("algorithm=euler_newton", *SMALL, "algorithm.outer_iterations=1"), [], [])
    people = data.stream.panel.population
    broken = Panel(Population(people.k * float("nan"), people.eps, people.weight), data.stream.panel.z)
    with pytest.raises(TrainingDiverged, match="a state of the population"):
        module.learner.step(Batch(broken))


@pytest.mark.parametrize(
    "overrides, said",
    [
        (["network.width=80"], "a network of 7121 weights is too wide.*at most 3000.*algorithm=deepham"),
        (["model=davila12", "algorithm.objective=planner", "network.base=typical"], "planner.*algorithm=deepham"),
        (["network=generalized_moments"], "network.moments=0"),
        (["network.ensemble=3"], "network.ensemble=1"),
        (["model=hank", "network.base=typical"], "training starts where this economy rests.*network.base=rest"),
        (["network.base=rest"], "does not say how it rests.*network.base=frictionless"),
        (["trainer.processes=2"], "trainer.processes=1"),
        (["algorithm.newton.outlier=0"], "algorithm.newton.outlier: expected a positive number, got 0"),
        (["algorithm.newton.memory_late=1"], "algorithm.newton.memory_late: expected a number from 0 to 0.999"),
        (["algorithm.steps_by=newton"], "algorithm.steps_by: expected gradient or euler_newton"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_where_it_cannot_be_had_one_line_says_why(settings, overrides, said):
    with pytest.raises(InputError, match=said):
        settings("algorithm=euler_newton", *overrides)


def test_a_neighbour_begins_where_the_solution_stood_in_its_own_wealth(settings):
    """Less patient households hold a third less: on the way there a short training would learn of the way alone."""
    near = deepham.load("ks98")
    chosen = settings(
        "model.beta=0.975", "algorithm=euler_newton", *SMALL[1:], "algorithm.outer_iterations=1", "algorithm.move=1"
    )
    _, data = fit(chosen, [], [], init=near)
    began = near.ergodic.mean(near.ergodic.k).mean() / near.economy.scale
    people = data.panel.population
    assert abs(float(people.mean(people.k).mean()) / chosen.economy.scale - float(began)) < 0.1
    assert near.economy.scale > 1.3 * chosen.economy.scale


@pytest.mark.parametrize("updates, times", [(2, 10), (3, 9), (12, 10)])
def test_v_takes_its_updates_where_the_policy_takes_few(settings, monkeypatch, updates, times):
    taken = []
    monkeypatch.setattr(ByNewton, "_value_step", lambda *given: taken.append(1))
    sizes = ["algorithm.outer_iterations=1", f"algorithm.policy_steps={updates}", "algorithm.move=1"]
    fit(settings("algorithm=euler_newton", *SMALL, *sizes), [], [])
    assert len(taken) == times


def test_what_economies_miss_on_average_moves_as_their_mean_does(seeded):
    residual, weight = torch.randn(5, generator=seeded()).double(), torch.full((5,), 0.2).double()
    jacobian, own = (torch.randn(5, 3, generator=seeded(seed)).double() for seed in (1, 2))
    one, step = mean_of(Linear(residual, weight, jacobian, own)), torch.tensor([0.3, -1.0, 2.0]).double()
    torch.testing.assert_close(one.residual + one.jacobian @ step, (residual + jacobian @ step).mean()[None])
    torch.testing.assert_close(one.own @ step, (own @ step).mean()[None])
    assert float(one.weight) == pytest.approx(1)
