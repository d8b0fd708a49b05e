"""What --help prints: built from the files of conf/, whose comments explain the settings where they are set."""

from __future__ import annotations

import re
from argparse import ArgumentParser, HelpFormatter, RawDescriptionHelpFormatter
from functools import partial
from itertools import dropwhile
from pathlib import Path

import yaml

from deepham.errors import InputError, show
from deepham.system.entry import as_typed, called
from deepham.system.paths import conf_folder

# indentation, key, value without anchors and aliases, comment
SETTING = re.compile(r"( *)([\w.]+):(?: +[&*]\w+)? *(.*?) *(?:(?<= )# *(.*))?$")


def help_page(config_name: str, words: list[str]) -> str:
    """The help of a script, or that of a group where one of the words is its name: algorithm, model=ks98.

    Raises:
        InputError: a word that is neither a group, nor an override, nor a flag; a group without such an option.
    """
    file = conf_folder() / f"{config_name}.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    groups = groups_of(config_name)
    command = called(config_name)
    for word in words:
        group, _, option = word.partition("=")
        if group == "model" and option.endswith((".yaml", ".yml")):
            from deepham.commands.own_models import own_page  # torch

            return own_page(f"{command} {word} [key=value ...]", option)
        if group in groups:
            return _group_page(command, group, option or groups[group])
        if "=" not in word and not word.startswith("-"):
            raise InputError(
                f"--help {show(word)}: there is no such group of settings; "
                f"{'choose from ' + ', '.join(groups) if groups else 'this script has none'}"
            )
    text = content["hydra"]["help"]
    usage = f"{command} [key=value ...]{' [group=option ...]' if groups else ''}"
    page = _page(usage, as_typed(text["header"]), as_typed(text["footer"]), RawDescriptionHelpFormatter)
    _add_settings(page, file)
    if groups:
        table = page.add_argument_group(
            f"groups of settings (group=option), files in conf/<group>/;\n`{command} --help "
            f"{next(iter(groups))}` explains the first, the default"
        )
        for group, default in groups.items():
            _add_options(table, group, default)
    return page.format_help().rstrip()


def groups_of(config_name: str) -> dict[str, str | None]:
    """Groups of settings of a script, each with its default option."""
    content = yaml.safe_load((conf_folder() / f"{config_name}.yaml").read_text(encoding="utf-8"))
    return {
        group: default
        for item in content["defaults"]
        if isinstance(item, dict)
        for group, default in item.items()
        if not group.startswith("override ")
    }


def _group_page(command: str, group: str, option: str | None) -> str:
    files = {path.stem: path for path in sorted((conf_folder() / group).glob("*.yaml"))}
    if option and option not in files:
        raise InputError(f"{group}={option}: there is no such option; choose from {', '.join(files)}")
    page = _page(
        f"{command} {group}={option or '<option>'} [key=value ...]", _introduction(files[option]) if option else None
    )
    if option:
        _add_settings(page, files[option])
    table = page.add_argument_group(f"options; `{command} --help {group}=<option>` explains the settings of one")
    _add_options(table, group, option)
    return page.format_help().rstrip()


def _page(usage: str, description: str | None, epilog: str | None = None, layout=HelpFormatter) -> ArgumentParser:
    """argparse lays out the page, and parses nothing."""
    return ArgumentParser(
        usage=usage,
        description=description,
        epilog=epilog,
        add_help=False,
        formatter_class=partial(layout, max_help_position=34),
    )


def _add_settings(page: ArgumentParser, file: Path) -> None:
    """Each setting of the file with the comment behind it; a comment on a line of its own is the title of what
    follows."""
    text = file.read_text(encoding="utf-8")
    of_a_script = file.parent == conf_folder()
    prefix = "" if of_a_script or "@package _global_" in text else f"{file.parent.name}."
    section = page.add_argument_group(f"settings (key=value) in conf/{file.relative_to(conf_folder()).as_posix()}")
    above: list[tuple[int, str]] = []  # indentation and name of the keys that a line stands below, and its own
    for line in dropwhile(lambda line: line.startswith("#"), text.splitlines()):
        setting = SETTING.match(line)
        if line.lstrip().startswith("#"):
            section = page.add_argument_group(line.strip("# "))
        elif setting:
            indent, key, value, comment = setting.groups()
            above = [*(key for key in above if key[0] < len(indent)), (len(indent), key)]
            # a script's defaults are shown as groups, and its part for Hydra is not for the command line
            hidden = key == "_target_" or of_a_script and above[0][1] in ("defaults", "hydra")
            if not hidden and key != "defaults":
                _add(section, f"{prefix}{'.'.join(name for _, name in above)}{'=' if value else ':'}{value}", comment)
        elif not of_a_script and (override := re.match(r" +- override /([\w/]+): (\w+)", line)):
            _add(section, "=".join(override.groups()))


def _add_options(section, group: str, first: str | None) -> None:
    files = sorted((conf_folder() / group).glob("*.yaml"), key=lambda path: (path.stem != first, path.stem))
    for path in files:
        _add(section, f"{group}={path.stem}", _introduction(path).partition(". ")[0].rstrip("."))


def _add(section, name: str, text: str | None = None) -> None:
    section.add_argument(name, metavar=name, help=(text or "").replace("%", "%%"))


def _introduction(file: Path) -> str:
    """The comment at the top of a file."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            lines.append(line.strip("# "))
    return as_typed(" ".join(lines))
