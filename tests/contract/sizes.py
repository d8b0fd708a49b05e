"""Tiny sizes at which commands run in these tests."""

FIRST_ORDER = "algorithm=deepham"  # of which a run of two small steps says most; experiments name their own algorithm

BY_GRADIENTS = [  # sizes that Newton steps do not read
    "algorithm.economies=2",
    "algorithm.value_economies=2",
    "algorithm.agents=4",
    "algorithm.dates=2",
    "algorithm.spacing=1",
    "algorithm.realised_periods=3",
]
BY_NEWTON = ["algorithm.newton.economies=2"]

TINY = [
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=2",
    "algorithm.burn_in=2",
    *BY_GRADIENTS,
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
]
