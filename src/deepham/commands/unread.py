"""Settings of training by gradients that Newton steps do not read: refused where a user types them, as they would do
nothing; files of models and experiments may set them, for those who train by gradients."""

from __future__ import annotations

from collections.abc import Iterable

from deepham.errors import InputError
from deepham.runs.overrides import key_of

# field of algorithm -> what to set in its place, or None where Newton steps have nothing like it
UNREAD = {
    "economies": "newton.economies",
    "value_economies": "newton.economies",
    "agents": "newton.households",
    "level_weight": "newton.level_weight",
    "value_steps": "newton.value_updates",
    "policy_optimizer": "newton.largest_step or algorithm.newton.damping",
    "value_optimizer": "newton.damping",
    "horizon": None,
    "price_taking": None,
    "players": None,
    "expectation": None,
    "slope": None,
    "realised_periods": None,
    "fresh": None,
    "dates": None,
    "spacing": None,
    "average": None,
}


def check_read(steps_by: str, typed: Iterable[str]) -> None:
    """Raise InputError where one of the overrides that were typed sets what training by `steps_by` does not read."""
    if steps_by == "gradient":
        return
    for text in typed:
        group, _, field = key_of(text).partition(".")
        name = field.partition(".")[0]
        if group == "algorithm" and name in UNREAD:
            instead = f"set algorithm.{UNREAD[name]} instead, or " if UNREAD[name] else ""
            raise InputError(
                f"{text}: not read by Newton steps (algorithm.steps_by={steps_by}); {instead}train by gradients with "
                "algorithm=deepham"
            )
