"""One training, every calibration of a box: networks that are told, and ordinary solutions that come of them."""

import copy
import re

import pytest
import torch
from lightning import Callback

import deepham
from deepham import economics
from deepham.algorithm.ergodic import VerdictSettings, verdict_path
from deepham.algorithm.evaluation import error_measures
from deepham.economics.box import Box
from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.networks.varied import settled, sharing
from deepham.runs.folders import RunFolders
from deepham.simulation.continuum import followed, moves, on_grid, settle, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel
from deepham.solution import calibrated
from deepham.solution.long_run import PERIODS as SETTLING
from deepham.solution.long_run import long_run
from deepham.training.calibrations import STRIDE, Calibrations
from deepham.training.fit import fit, starting_point

BM = {"beta": [0.85, 0.95], "alpha": [0.25, 0.45]}
BOX = "vary={beta:[0.85,0.95],alpha:[0.25,0.45]}"
NEWTON = [
    "model=brock_mirman",
    "algorithm=euler_newton",
    "algorithm.nodes=40",
    "algorithm.restart=true",
    "algorithm.burn_in=5",
    "algorithm.outer_iterations=8",
    "algorithm.policy_steps=4",
    "network.width=16",
    "verdict.nodes=100",
    "verdict.burn_in=10",
    "verdict.periods=20",
    "verdict.dates=4",
    BOX,
]
FEW = ["algorithm.calibrations=3", "network.width=4"]
SHAPE = NetworkSettings("test", 8, 2, "tanh", "frictionless", 10.0, 2)


def told(economy, vary, shape=SHAPE):
    """A box, and networks of random weights that are told where in it they are."""
    box = Box(vary, economy)
    networks = build_networks(economy, shape, 0, box.scaled(economy.parameters()))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for network in networks:
            for leaf in network.parameters():
                leaf.copy_(0.3 * torch.randn(leaf.shape, generator=generator))
    return box, networks


def decisions(economy, networks):
    """What the networks say in economies of their own."""
    panel = initial_panel(economy, 3, 9, torch.Generator().manual_seed(2))
    policy, value = (copy.deepcopy(network).double() for network in networks)
    period = World(economy, policy, value, clamped=True).period(panel)
    with torch.no_grad():
        return torch.stack([period.consumption, value(period.before)])


@pytest.mark.parametrize(
    "name, vary, shape",
    [
        ("ks98", {"beta": [0.98, 0.995], "sigma": [1, 3]}, {}),
        ("ks98", {"mu": [0.05, 0.4]}, {"moments": 2, "moments_shared": True, "quantiles": 2}),
        ("ks98", {"productivity": [[0.98, 0.995], None]}, {"base": "share"}),
        ("hank", {"kappa": [0.05, 0.2]}, {"base": "typical", "ensemble": 1}),
        ("hank", {"kappa": [0.05, 0.2]}, {"base": "typical", "outlook_linear": True}),
    ],
)
def test_networks_that_are_told_and_ordinary_ones_say_the_same(name, vary, shape):
    economy = economics.create(name)
    shape = NetworkSettings(**vars(SHAPE) | shape)
    box, networks = told(economy, vary, shape)
    parameters = box.at([0.3] * len(box.sides))
    other = box.create(parameters)
    here = decisions(other, sharing(networks, other, shape, box.scaled(parameters)))
    ordinary = settled(networks, other, shape, box.scaled(parameters))
    assert all(
        a.shape == b.shape for a, b in zip(ordinary[0].parameters(), build_networks(other, shape, 0)[0].parameters())
    )
    torch.testing.assert_close(decisions(other, ordinary), here, rtol=1e-4, atol=1e-5)
    # and another calibration says something else
    elsewhere = decisions(other, sharing(networks, other, shape, tuple(-each for each in box.scaled(parameters))))
    assert float((elsewhere / here - 1).abs().max()) > 1e-3


def test_views_share_their_weights_and_have_bases_of_their_own(ks98):
    box, networks = told(ks98, {"beta": [0.98, 0.995]})
    low = box.create(box.at([0.0]))
    view = sharing(networks, low, SHAPE, (-1.0,))
    for here, there in zip(networks, view):
        assert [id(leaf) for leaf in here.parameters()] == [id(leaf) for leaf in there.parameters()]
    assert view[0].base == low.frictionless() != networks[0].base


def test_the_points_of_a_box_stay_inside_move_little_and_come_by_everywhere(ks98):
    box, networks = told(ks98, {"beta": [0.98, 0.995], "mu": [0.05, 0.4]})
    several = Calibrations(box, SHAPE, networks, 9, seed=1)
    path = torch.tensor([[several.point(index, turn) for turn in range(400)] for index in range(1, 9)])
    assert float(path.min()) >= 0 and float(path.max()) <= 1
    assert float((path[:, 1:] - path[:, :-1]).abs().max()) <= 3.15 * STRIDE
    assert torch.all(path.amin((0, 1)) < 0.02) and torch.all(path.amax((0, 1)) > 0.98)
    torch.testing.assert_close(path.mean((0, 1)), torch.full((2,), 0.5), rtol=0, atol=0.03)


def test_cross_sections_follow_their_calibration_node_by_node(ks98):
    patient = economics.create("ks98", beta=0.994)
    panel = initial_panel(ks98, 2, 500, torch.Generator().manual_seed(0))
    before, after = (wealth_grid(each, 60, 8.0) for each in (ks98, patient))
    people = on_grid(before, panel.population, 2)
    moved = on_grid(after, followed(people, ks98, patient), 2)
    torch.testing.assert_close(moved.weight, people.weight)
    torch.testing.assert_close(moved.mean(moved.k), people.mean(people.k) * (patient.scale / ks98.scale))


@pytest.fixture(scope="module")
def short_paths():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrated, "BURN_IN", 50)
        patch.setattr(calibrated, "PERIODS", 50)
        yield


def solved(*overrides):
    """Brock-Mirman over a box, by Newton steps."""
    those = [text for text in NEWTON if not text.startswith(("model", "vary"))]
    return deepham.solve("brock_mirman", vary=BM, overrides=[*those, *overrides], progress=False)


@pytest.fixture(scope="module")
def trained(short_paths):
    return solved(*FEW, "algorithm.outer_iterations=2")


@pytest.mark.slow
def test_it_saves_alpha_beta_at_calibrations_that_it_never_saw(short_paths):
    several = solved()
    for beta, alpha in ((0.87, 0.3), (0.93, 0.41), (0.9, 0.27), (0.94, 0.27)):
        one = several.at(beta=beta, alpha=alpha)
        period = one.world.period(one.cross_sections)
        (distance, _), (rate, truth) = one.economy.known(period, period.accounts).values()
        assert float(distance) < 0.1 and float(rate) == pytest.approx(truth, rel=1e-3)  # percent
    # K' = alpha beta z K^alpha: log K moves with beta by 1 / (beta (1 - alpha)) in every period
    slope = several.sensitivity("K", beta=0.9, alpha=0.3).loc["K", "beta"]
    path = several.at(beta=0.9, alpha=0.3).simulate(periods=2000, seed=1)
    assert slope == pytest.approx(float(path["K"].mean()) / (0.9 * 0.7), rel=0.03)


def test_derivatives_are_of_names_and_numbers_that_there_are(trained):
    table = trained.sensitivity("K", "gini")
    assert list(table.columns) == ["beta", "alpha"] and bool(table.loc["K"].gt(0).all())
    with pytest.raises(InputError, match="sensitivity: there is no 'k'; there is C, I, K"):
        trained.sensitivity("k")
    with pytest.raises(InputError, match="sensitivity: this is the solution of one calibration"):
        deepham.load("brock_mirman").sensitivity("K")


def test_a_calibration_of_a_box_is_a_solution_like_any_other(trained, settings, tmp_path):
    one = trained.at(beta=0.92)
    assert one is trained.at(beta=0.92) and one.calibration == trained.calibration | {"beta": 0.92}
    again = deepham.load(one.save(tmp_path / "one"))
    k = one.grid[5:50:5].numpy()
    assert (again.consumption(k=k, z=0) == one.consumption(k=k, z=0)).all() and again.box is None
    whole = deepham.load(trained.save(tmp_path / "box"))
    assert whole.box.vary == BM and "beta from 0.85 to 0.95" in whole.summary()
    wrong = settings(*NEWTON[:2], "network.width=4", f"init_from={tmp_path / 'box'}")
    with pytest.raises(InputError, match="init_from: in .* varies .'beta': .*, in this run 'nothing'"):
        starting_point(str(tmp_path / "box"), wrong)
    assert whole.consumption(k=k, z=0) == pytest.approx(trained.consumption(k=k, z=0), rel=1e-6)
    assert whole.at(beta=0.92).consumption(k=k, z=0) == pytest.approx(one.consumption(k=k, z=0), rel=1e-6)


def test_a_calibration_is_more_exact_than_the_networks_of_the_box(trained):
    one, shape = trained.at(beta=0.92), NetworkSettings(**trained.network)
    told = calibrated.calibrated(trained, trained.box, one.calibration, shape, None, dates=4)
    errors, rates = [], []
    for policy, value in ((told.policy, told.value), (one.policy_function, one.value_function)):
        world = World(told.economy, policy, value)
        errors.append(error_measures(world, told.ergodic.dates, 5))
        period = world.period(told.ergodic.dates)
        rates.append(float(next(iter(told.economy.known(period, period.accounts).values()))[0].detach()))
    box, own = errors
    assert own["euler.mean"] < 0.3 * box["euler.mean"] and own["bellman_policy.mean"] < 0.1 * box["bellman_policy.mean"]
    assert rates[1] < 0.3 * rates[0]  # distance to the closed form


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"beta": 0.99}, "beta: 0.99 is outside of the box, beta from 0.85 to 0.95, alpha from 0.25 to 0.45"),
        ({"stay": 0.7}, "stay: does not vary in this solution; the box is beta from 0.85"),
        ({"beta": [0.9]}, r"beta: expected .*, got \[0.9\]"),
        ({"beta": "high"}, "beta: expected .*, got 'high'"),
    ],
)
def test_outside_of_the_box_one_line_names_it(trained, asked, said):
    with pytest.raises(InputError, match=said):
        trained.at(**asked)


def test_a_solution_of_one_calibration_says_how_to_get_others():
    with pytest.raises(InputError, match="at: this is the solution of one calibration.*vary="):
        deepham.load("brock_mirman").at(beta=0.9)


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param([*NEWTON, *FEW], marks=pytest.mark.slow),
        ["model=brock_mirman", BOX, *FEW, "algorithm.economies=3"],
        ["model=ks98", "vary={mu:[0.1,0.2]}", *FEW, "algorithm.realised_periods=10", "algorithm.value_steps=2"],
    ],
    ids=["newton", "paths", "steps"],
)
def test_two_and_two_outer_iterations_equal_four(settings, tmp_path, overrides):
    def train(home, length, resume=None):
        folders = RunFolders(home, tmp_path / home, tmp_path / home)
        folders.checkpoints.mkdir(exist_ok=True)
        chosen = settings("algorithm=deepham", *overrides, "algorithm.policy_steps=2", "algorithm.outer_iterations=4")
        return fit(chosen, [Until(length)], [], folders, resume)

    whole, data = train("whole", 4)
    with pytest.raises(Stopped):
        train("half", 2)
    resumed, later = train("half", 4, tmp_path / "half" / "last.ckpt")
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(data.stream.beside()["others"], later.stream.beside()["others"], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Stopped(Exception):
    """Ends training where a signal would."""


class Until(Callback):
    """Ends training after so many outer iterations."""

    def __init__(self, length):
        self.length = length

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == self.length:
            raise Stopped


@pytest.mark.parametrize(
    "overrides, said",
    [
        (["vary={betta:[0.98,0.995]}"], "vary.betta: there is no such parameter; did you mean beta?"),
        (["vary={beta:[0.995,0.98]}"], "vary.beta: expected the lower bound first, .*got .0.995, 0.98."),
        (["vary={beta:0.98}"], "vary.beta: expected two numbers, .*got 0.98"),
        (["vary={unemployment:[0.05,0.1]}"], r"vary.unemployment\[0\]: expected two numbers, .*got 0.05"),
        (["vary={unemployment:[[0.05,0.1]]}"], "vary.unemployment: expected a pair of bounds, or null, for each"),
        (["vary=beta"], "vary: expected parameters with their bounds, got 'beta'"),
        (["vary={beta:[0.9,0.98]}"], "vary.beta: the model's own calibration has 0.99, outside of the box beta"),
        (["vary={beta:[0.98,1.01]}"], "vary: in the box there is no economy at beta=1.01 .beta: .*0, 1"),
        (["vary={mu:[0.05,90.0]}"], "vary: in the box there is no economy at mu=90 .mu: expected a number in"),
        (["model=ks98_ar1", "vary={states:[3,9]}"], "vary.states: expected a parameter that is a real number"),
        (["vary={beta:[0.98,0.995]}", "trainer.processes=3"], "vary: calibrations are learned in one process"),
        (["vary={beta:[0.98,0.995]}", "algorithm.calibrations=1"], "algorithm.calibrations: expected at least 2"),
        (["vary={chain_matrix:[[[0.5,0.6],null,null,null],null,null,null]}"], "vary: in the box there is no economy"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_can_be_no_box_is_refused_in_one_line(settings, overrides, said):
    with pytest.raises(InputError) as refusal:
        settings(*overrides)
    assert re.search(said, str(refusal.value)) and "\n" not in str(refusal.value)


def test_nothing_varies_nothing_changes(settings):
    plain, empty = settings(), settings("vary={}")
    assert plain.hyperparameters() == empty.hyperparameters() and "vary" not in plain.hyperparameters()


@pytest.mark.slow
def test_how_unequal_wealth_is_at_a_calibration_does_not_hang_on_another():
    """One start is far more equal than wealth is in the long run, the other less; both are forgotten, and come to where
    many thousands of periods lead."""
    solution = deepham.load("ks98")
    economy, found = solution.economy, []
    grid = wealth_grid(economy, 80, 8.0)
    path = VerdictSettings(len(grid), 8.0, SETTLING, 2, 1)
    shocks = torch.cat([verdict_path(economy, path, seed) for seed in range(6)])[:, :SETTLING]
    people = solution.ergodic.select([0] * len(shocks))
    for power in (0.5, 1.2):
        k = economy.scale * (people.k / economy.scale) ** power
        start = Panel(on_grid(grid, people.with_assets(k.clamp(grid[0], grid[-1])), economy.chain.n_eps), shocks[:, 0])
        there = long_run(solution.world, grid, start, shocks).population
        found.append(float(there.mean((there.k - there.mean(there.k)) ** 2).sqrt().mean()))
    assert found[0] == pytest.approx(found[1], rel=0.02)
    assert found[0] == pytest.approx(23.4, rel=0.02)  # of a path of 9,000 periods


def test_what_households_do_is_the_chain_that_says_how_far_the_long_run_is(ks98):
    """Of households who see one cross-section: its rows are what `settle` does to them."""
    grid = wealth_grid(ks98, 60, 8.0)
    generator = torch.Generator().manual_seed(0)
    panel = initial_panel(ks98, 1, 500, generator)
    saved = on_grid(grid, panel.population, 2)
    saved = saved.with_assets((0.97 * saved.k + 0.5).clamp(grid[0], grid[-1]))
    for after in (0, 1):
        z_next = torch.full_like(panel.z, after)
        origin, to, share = moves(ks98, grid, saved, panel.z, z_next)
        came = torch.zeros_like(saved.weight[0]).index_add_(0, to, saved.weight[0][origin] * share)
        torch.testing.assert_close(came, settle(ks98, grid, saved, panel.z, z_next).weight[0])
