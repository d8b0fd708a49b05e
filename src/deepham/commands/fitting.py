"""Whether the parts of a run fit each other: economy, networks, algorithm, calibrations and the memory there is."""

from __future__ import annotations

from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.economy import Economy, require
from deepham.system import memory
from deepham.training.settings import Settings

MOST_WEIGHTS = 3000  # of a policy that second-order training moves
LEAST_HOUSEHOLDS = 0.1  # in each individual state of a batch, on average


def check_fit(settings: Settings, economy: Economy) -> None:
    """Raise InputError where parts of a run do not fit each other, or the memory.

    Args:
        economy: the market's, whoever chooses savings in the run.
    """
    settings.network.check_states(economy)
    settings.network.check_base(economy)
    settings.network.check_learned(economy)
    require(
        not (economy.unknowns and settings.trainer.cuda_graphs),
        f"trainer.cuda_graphs: {', '.join(economy.unknowns)} is found by a search whose steps the host decides on; set "
        "trainer.cuda_graphs=false",
    )
    require(
        settings.algorithm.second_order or not economy.foreseen,
        f"algorithm: {', '.join(economy.foreseen)} looks ahead, which Newton steps alone teach; set "
        "algorithm=euler_newton",
    )
    require(
        economy.at_rest() is None or settings.network.base == "rest" or not settings.algorithm.starts_at_rest,
        f"network.base: training starts where this economy rests, from what households do there, got "
        f"{settings.network.base}; set network.base=rest",
    )
    _check_box(settings)
    _check_enough(economy, settings.algorithm.of_stream())
    _check_second_order(settings)
    settings.algorithm.share(settings.trainer.ranks)  # it can be split
    _check_memory(settings)


def _check_enough(economy: Economy, algorithm: AlgorithmSettings) -> None:
    """Raise InputError where hardly ever a household of a batch is in some individual state, so that nobody learns
    there."""
    if algorithm.agents is None:
        return
    share = economy.chain.eps_shares()
    households = algorithm.economies * algorithm.agents
    for name, number in zip(economy.names_of(economy.individual_shock, len(share)), (households * share).tolist()):
        if number == 0:  # nobody is ever there
            continue
        require(
            number >= LEAST_HOUSEHOLDS,
            f"algorithm.agents: {algorithm.economies} economies of {algorithm.agents} agents hold "
            f"{number:.1g} households in state {name} of {economy.individual_shock} on average; expected at least "
            f"{LEAST_HOUSEHOLDS * households / number / algorithm.economies:.0f} agents, or more economies",
        )


def _check_second_order(settings: Settings) -> None:
    """Raise InputError where second-order training cannot be had: another first-order condition than it knows, or
    networks too wide for it."""
    algorithm, network, economy, trainer = settings.algorithm, settings.network, settings.economy, settings.trainer
    if not algorithm.second_order:
        return
    method, first_order = f"algorithm.steps_by={algorithm.steps_by}", "train with algorithm=deepham"
    require(
        algorithm.objective == "market",
        f"{method}: the first-order condition of a planner moves with everybody's choices, which is not worked out; "
        f"{first_order}",
    )
    require(
        economy.choices == ("c",) and type(economy).outcomes is Economy.outcomes,
        f"{method}: expected an economy whose policy decides consumption alone and which states no outcomes of "
        f"everybody's choices, got {type(economy).__name__}; {first_order}",
    )
    require(
        network.moments == 0,
        f"{method}: moments that learn are not moved by its steps, network.moments={network.moments}; set "
        f"network.moments=0, or {first_order}",
    )
    require(
        network.ensemble == 1,
        f"{method}: its value function is one network, got network.ensemble={network.ensemble}; set network.ensemble=1",
    )
    require(
        trainer.ranks == 1 and not trainer.cuda_graphs,
        f"{method}: its steps are those of one process, got {trainer.ranks} and trainer.cuda_graphs="
        f"{str(trainer.cuda_graphs).lower()}; set trainer.gpus=0 or 1, trainer.processes=1, trainer.nodes=1 and "
        f"trainer.cuda_graphs=false, or {first_order}",
    )
    weights = network.policy_weights(economy, len(settings.box.sides) if settings.box else 0)
    require(
        weights <= MOST_WEIGHTS,
        f"{method}: a network of {weights} weights is too wide for it, whose equations are as many squared; expected "
        f"at most {MOST_WEIGHTS}, such as network.width=24, or {first_order}",
    )


def _check_box(settings: Settings) -> None:
    """Raise InputError where there is no economy in a corner of the box, or its networks cannot be had there."""
    box, trainer = settings.box, settings.trainer
    if box is None:
        return
    require(
        trainer.ranks == 1 and not trainer.cuda_graphs,
        f"vary: calibrations are learned in one process, got {trainer.ranks} and trainer.cuda_graphs="
        f"{str(trainer.cuda_graphs).lower()}; set trainer.gpus=0 or 1, trainer.processes=1, trainer.nodes=1 and "
        "trainer.cuda_graphs=false",
    )
    require(
        settings.algorithm.calibrations >= 2,
        "algorithm.calibrations: expected at least 2 where parameters vary, the model's own and others, got "
        f"{settings.algorithm.calibrations}",
    )
    require(
        settings.economy.at_rest() is None,
        f"vary: {settings.economy_name} is trained from its own economy at rest, and the calibrations of a box have "
        "none in common; leave out vary",
    )
    for corner in box.corners():
        settings.network.check_base(corner)


def _check_memory(settings: Settings) -> None:
    """Raise InputError where the training or the verdict after it needs more memory than there is."""
    trainer, gpus = settings.trainer, settings.trainer.gpus
    training = memory.training(
        settings.economy, settings.algorithm, settings.network, trainer.ranks if gpus else trainer.nodes
    )
    for device in [f"cuda:{card}" for card in range(gpus)] or ["cpu"]:
        memory.require_memory(training, device)
    number = "trainer.gpus" if gpus else "trainer.processes"
    memory.require_memory([((trainer.on_a_node - 1) * memory.LOADED, {number: trainer.on_a_node})])
    verdict = memory.verdict(settings.economy, settings.verdict, settings.network.width)
    memory.require_memory(verdict, "cuda" if gpus else "cpu")
