"""Economies of one's own on the command line: the word `model=path/to/my_economy.yaml`, or `model=` and a name under
which an installed package registers one.

Here the class is imported, and Hydra is given a plain option of the group `model` under the economy's name instead.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from deepham import economics
from deepham.economics.model_file import NotImported as NotImported
from deepham.economics.model_file import import_class, read_settings
from deepham.economics.registry import hand_over, hand_over_registered, names, own, unread
from deepham.errors import require

KEY = "model="
SUFFIXES = (".yaml", ".yml")


def take_models(words: list[str], composed: bool = True) -> tuple[list[str], list[str]]:
    """Hand over the economies that the command line names by a file, or by the name under which a package registers it.

    Args:
        words: of the command line, without the program.
        composed: whether the command has settings of the group `model`; else the word is done with, and left out.

    Returns:
        The words that Hydra is to read, and warnings: parameters of these economies that nothing reads.

    Raises:
        InputError: no such file, or one that names no economy.
    """
    read, told = [], []
    for word in words:
        if not word.startswith(KEY):
            read.append(word)
            continue
        given = _options(word.removeprefix(KEY))
        found = [_take(option) for option in given]
        taken = [name for name in found if name is not None]
        require(len(set(taken)) == len(taken), f"{word}: names the economy {taken[0] if taken else ''} twice")
        for name in taken:
            offer(name)
            told += [f"{name}: no method reads the parameter {each}" for each in unread(economics.economy_class(name))]
        if composed or len(taken) < len(given):
            read.append(KEY + ",".join(name or option for name, option in zip(found, given)) if taken else word)
    return read, told


def _options(text: str) -> list[str]:
    """The options that are given, several in a sweep; a path may have any letters but a comma."""
    return (
        [option.strip().strip("'\"") for option in text.split(",")]
        if any(end in text for end in SUFFIXES)
        else text.split(",")
    )


def _take(option: str) -> str | None:
    """The name of the economy of one's own that an option means; None where it is another one."""
    if not option.endswith(SUFFIXES):
        return option if option not in names() and (own(option) is not None or hand_over_registered(option)) else None
    file = Path(option)
    named, settings = read_settings(file)
    return hand_over(import_class(file, named), settings, file)


def offer(name: str) -> None:
    """Let Hydra find an economy of one's own as an option of the group `model`."""
    economy, said = economics.economy_class(name), economics.settings(name)
    parameters = {each.name: said["model"].get(each.name, "???") for each in fields(economy)} | said["model"]
    node = OmegaConf.create(said | {"model": {"name": name} | parameters})
    ConfigStore.instance().store(name=name, node=node, group="model", package="_global_", provider="command-line")


def typed_as(word: str) -> str:
    """A word that Hydra was given, as it was typed: `model=` and a name, where the file of the economy is needed."""
    known = own(word.removeprefix(KEY)) if word.startswith(KEY) else None
    return f"{KEY}{known.file}" if known is not None and known.file is not None else word
