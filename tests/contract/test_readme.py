"""The README promises the two commands, what a newcomer needs first, and every page of docs/."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_commands_that_this_project_promises():
    for line in (
        "make train",
        "make test",
        "python scripts/train.py",
        "python scripts/train.py -m seed=1,2",
        "python scripts/train.py model=ks98 trainer.gpus=1",
        "python scripts/train.py model=brock_mirman",
        "tensorboard --logdir logs",
    ):
        assert re.search(rf"^{re.escape(line)}( +#.*)?$", README, re.MULTILINE), line


def test_the_readme_leads_to_every_page():
    linked = set(re.findall(r"\]\(docs/([\w-]+\.\w+)\)", README))
    pages = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".py")}
    assert pages <= linked
