"""What only a GPU can show: that graphs and repeats change no number, and what training takes of the card's memory.

`python -m benchmarks.card <arguments as JSON>` prints the result as JSON.
"""

from __future__ import annotations

import gc
import json
import sys

import torch
from torch import Tensor

from benchmarks.cases import peak_of, settings_of
from deepham.system import memory
from deepham.training.fit import fit

UPDATES = 14  # SOAP computes its eigenbases anew in the tenth after its first
TOLERANCE = 1e-4  # of the norm: kernels may add in another order, and updates make that grow
# sizes whose memory is measured: name -> overrides
SIZES = {
    "default": [],
    "10,000 agents": ["algorithm.agents=10000"],
    "384 economies of 50, 50 periods": ["algorithm.economies=384", "algorithm.agents=50", "algorithm.horizon=50"],
    "the continuum": ["algorithm.agents=null"],
    "32 generalized moments": ["network=generalized_moments", "network.moments=32"],
}


def look(gpus: int, small: bool) -> dict:
    """Rows of what was measured: what, value, unit, and whether it is right.

    Args:
        gpus: 1, or 0 for the CPU, on which only what it can do is done.
        small: sizes that only show that it runs.
    """
    device = [f"trainer.gpus={gpus}", *(["algorithm.economies=2", "algorithm.agents=10"] if small else [])]
    return {
        "rows": [*equality(device), *(row for name in (["default"] if small else SIZES) for row in taken(name, device))]
    }


def equality(device: list[str]) -> list[dict]:
    """The weights after a short training against those of the same training again, by graphs, and deterministic."""
    on_card = "trainer.gpus=1" in device
    plain, strict = weights(device), weights([*device, "trainer.deterministic=true"])
    graphs = ["trainer.cuda_graphs=true"] if on_card else []
    again = weights([*device, "trainer.deterministic=true"])
    both = weights([*device, *graphs, "trainer.deterministic=true"])
    rows = [
        _row(f"weights after {UPDATES} updates: {what}", distance(one, other), "of the norm", most)
        for what, one, other, most in (
            ("the same run again", plain, weights(device), TOLERANCE),
            ("by CUDA graphs over without", weights([*device, *graphs]), plain, TOLERANCE),
            ("deterministic over not", strict, plain, TOLERANCE),
            ("by CUDA graphs over without, both deterministic", both, strict, TOLERANCE),
        )
    ]
    same = float(torch.equal(strict, again))
    return [*rows, _row("deterministic, the same run again: the same bits", same, "1 yes, 0 no", least=1)]


def weights(overrides: list[str]) -> Tensor:
    """All weights after UPDATES updates, in float64 on the CPU."""
    settings = settings_of([*overrides, "algorithm.outer_iterations=1", f"algorithm.policy_steps={UPDATES}"])
    module, _ = fit(settings, [], [])
    return torch.cat([parameter.detach().double().cpu().flatten() for parameter in module.parameters()])


def distance(one: Tensor, other: Tensor) -> float:
    """Norm of the difference over the norm; NaN where a weight is none."""
    return float((one - other).norm() / other.norm())


def taken(name: str, device: list[str]) -> list[dict]:
    """Peak memory of three updates at that size, MB, and that over the largest array, by which a run is refused."""
    settings = settings_of([*SIZES[name], *device, "algorithm.outer_iterations=1", "algorithm.policy_steps=3"])
    largest = max(size for size, _ in memory.training(settings.economy, settings.algorithm, settings.network)) / 1e6
    gc.collect()
    if settings.trainer.gpus:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    fit(settings, [], [])
    peak = peak_of(settings)
    # small ones are the allocator's own pieces; on a CPU the peak is that of the whole process
    judged = bool(settings.trainer.gpus) and peak > 200
    return [
        _row(f"memory of {name}", peak, "MB"),
        _row(f"memory of {name}: peak over its largest array", peak / largest, "times", least=1 if judged else None),
    ]


def _row(what: str, value: float, unit: str, most: float | None = None, least: float | None = None) -> dict:
    right = value == value and (most is None or value <= most) and (least is None or value >= least)
    return {"what": what, "value": value, "unit": unit, "right": right}


if __name__ == "__main__":
    print(json.dumps(look(**json.loads(sys.argv[1]))))
