"""The README promises the two commands and leads to every page; what stands in several places is said once."""

import importlib.util
import re
import tomllib
from pathlib import Path

import yaml

import deepham

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def has(text, line):
    return re.search(rf"^{re.escape(line)}( +#.*)?$", text, re.MULTILINE)


def test_the_readme_has_the_commands_that_this_project_promises():
    for line in (
        "make train",
        "make test",
        "python scripts/train.py",
        "python scripts/train.py -m seed=1,2",
        "python scripts/train.py model=ks98 trainer.gpus=1",
        "tensorboard --logdir logs",
    ):
        assert has(README, line), line
    assert has(COMMANDS, "python scripts/train.py model=brock_mirman")


def test_the_readme_is_a_page():
    assert len(README.splitlines()) <= 130
    prose = re.sub(r"^```.*?^```|^\|.*?$|<!--.*?-->|\]\([^)]*\)", " ", README, flags=re.DOTALL | re.MULTILINE)
    assert len(prose.split()) <= 700


def test_the_readme_leads_to_every_page_and_so_does_the_site():
    linked = set(re.findall(r"\]\(docs/([\w/-]+\.md)[)#]", README))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages - {"economies/index.md"} <= linked
    nav = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    made = {"index.md", "contributing.md", "changelog.md"}
    notebooks = {f"notebooks/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.py")}
    assert set(nav) == pages | made | notebooks and len(nav) == len(set(nav))


def test_figures_that_stand_in_several_places_are_those_of_one_file():
    spec = importlib.util.spec_from_file_location("repeated", ROOT / "docs/building/repeated.py")
    repeated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(repeated)
    known, texts = repeated.numbers(), [path.read_text(encoding="utf-8") for path in repeated.pages()]
    for text in texts:
        assert repeated.filled(text, known) == text, "python docs/building/repeated.py writes them"
    used = [name for text in texts for name, _ in repeated.MARKED.findall(text)]
    assert set(used) == set(known) and all(used.count(name) > 1 for name in known)
    assert repeated.with_units("1 min 21 s", 1.5) == "1 min 21 s = 54 units"
    assert repeated.with_units("1 min 21 s", 3.0) == "1 min 21 s = 27 units"
    assert repeated.seconds("23 minutes") == 1380 and repeated.seconds("35 s") == 35
    assert repeated.filled("<!--grid.time-->1 s<!--/-->", known) == f"<!--grid.time-->{known['grid.time']}<!--/-->"


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).read_text().count(f'"{deepham.__version__}"') == 1
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == deepham.__version__
    latest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert latest[1] == deepham.__version__


def test_links_to_the_repository_lead_to_one():
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    repository = re.search(r"repository: (\S+)", site)[1]
    named = ["pyproject.toml", "CITATION.cff", "README.md", "CHANGELOG.md", "mkdocs.yml"]
    texts = [ROOT / name for name in named] + sorted((ROOT / "notebooks").glob("*.*"))
    found = {url for path in texts for url in re.findall(r"https://github\.com/[\w-]+/[\w-]+", path.read_text())}
    assert found == {repository}
