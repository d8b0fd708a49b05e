"""What early stop would have saved in a sweep that ran without it: python docs/early_stop.py <sweep>

The rule is replayed on the histories of the finished jobs of the sweep, in the order in which they ran and in 500
other orders, for some factors: the share of the outer iterations that is saved, how often the best job is stopped, and
how much worse the best of the others is then.
"""

import random
import sys
from pathlib import Path

from deepham.callbacks.early_stop import EarlyStop
from deepham.callbacks.history import history_of
from deepham.runs.folders import jobs_of
from deepham.runs.outcomes import outcomes

MEASURE, ORDERS = "euler.mean", 500


def replay(histories, stop):
    """Outer iterations that each job trains, where they run one after the other."""
    seen = []
    for errors in histories:
        looks = stop.looks(len(errors))
        seen.append(errors[: next((done for done in looks if stop.why(errors[:done], seen)), len(errors))])
    return [len(errors) for errors in seen]


def outcome(jobs, stop):
    """Share spared, whether the best job was stopped, and what is lost by it as a share of its error."""
    trained = replay([errors for errors, _ in jobs], stop)
    whole = [error for (errors, error), done in zip(jobs, trained) if done == len(errors)]
    best = min(error for _, error in jobs)
    return 1 - sum(trained) / sum(len(errors) for errors, _ in jobs), min(whole) > best, min(whole) / best - 1


def main(sweep):
    runs = outcomes([Path("checkpoints") / job["run"] for job in jobs_of(sweep, Path("checkpoints"))])
    jobs = [
        (history_of(Path("logs") / run.name, f"errors/{MEASURE}"), run.measures[MEASURE])
        for run in runs
        if run.complete
    ]
    orders = [random.Random(number).sample(jobs, len(jobs)) for number in range(ORDERS)]
    print(f"{len(jobs)} jobs | factor | spared | in {ORDERS} orders: spared | best stopped | error lost, mean | most")
    for factor in (1.0, 1.2, 1.5, 2.0):
        stop = EarlyStop(MEASURE, factor=factor)
        spared, stopped, lost = zip(*(outcome(order, stop) for order in orders))
        print(
            f"| {factor} | {outcome(jobs, stop)[0]:.0%} | {sum(spared) / ORDERS:.0%} | {sum(stopped) / ORDERS:.1%} | "
            f"{sum(lost) / ORDERS:.1%} | {max(lost):.0%} |"
        )


if __name__ == "__main__":
    main(sys.argv[1])
