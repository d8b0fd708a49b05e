"""What a configuration may have built: callbacks and loggers of ours or Lightning's, and nothing else."""

from __future__ import annotations

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from deepham.commands.typed import check_group
from deepham.economics.economy import require
from deepham.errors import InputError, show

ALLOWED_TARGETS = ("deepham.", "lightning.")
KINDS = {"callbacks": "lightning.Callback", "logger": "lightning.pytorch.loggers.Logger"}  # what parts have to be


def check_targets(group: str, cfg: DictConfig | None) -> None:
    """Raise InputError unless every _target_ of the group, however deep, is a callback or logger of ours or
    Lightning's.

    Looked at both as they are written and with interpolations resolved: a text can become a mapping, and a name that
    is interpolated could be another one when the part is built.
    """
    if cfg is not None:
        check_group(group, cfg)
    for name, part in (cfg or {}).items():
        if part is None:
            continue
        require(
            isinstance(part, DictConfig) and isinstance(part.get("_target_"), str),
            f"{group}.{name}: expected a mapping with a _target_, or null to switch it off, got {part!r}",
        )
        for resolve in (False, True):
            for key, value in _own_keys(OmegaConf.to_container(part, resolve=resolve)):
                require(
                    key == "_target_",
                    f"{group}.{name}: {show(key)} is refused; of Hydra's own keys only _target_ is read",
                )
                _check_target(group, f"{group}.{name}", str(value))


def _check_target(group: str, name: str, target: str) -> None:
    require(
        target.startswith(ALLOWED_TARGETS) and "$" not in target,
        f"{name}: _target_ {show(target)} is refused; allowed are {', '.join(ALLOWED_TARGETS)}",
    )
    try:
        found = get_class(target)
    except Exception as error:  # whatever the import of a wrong name raises
        raise InputError(f"{name}: no class {show(target)}") from error
    # deepham.x.os.system begins as it should, too: where a class is from and what it is decides
    require(
        found.__module__.startswith(ALLOWED_TARGETS),
        f"{name}: _target_ {target} is refused; it is from {found.__module__}",
    )
    require(
        issubclass(found, get_class(KINDS[group])), f"{name}: _target_ {target} is refused; expected a {KINDS[group]}"
    )


def _own_keys(node):
    """What Hydra reads of a part, however deep: keys like _target_, with their values."""
    if isinstance(node, dict):
        for key, value in node.items():
            if str(key).startswith("_") and str(key).endswith("_"):
                yield key, value
            else:
                yield from _own_keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from _own_keys(value)
