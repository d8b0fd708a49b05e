"""Hooks of mkdocs: what the site adds to the pages of docs/.

- README.md, CONTRIBUTING.md and CHANGELOG.md become pages, the README the first one: nothing is written twice.
- The notebooks are run, and become pages with their outputs (notebooks.py).
- <!-- README.md: economies --> becomes that table of the README.
- A link to a file of the project that is no page leads to the repository.
- The scripts of others lie in the site (fetched.py): equations and the search need no network.
"""

from __future__ import annotations

import posixpath
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

sys.path.insert(0, str(Path(__file__).parent))
import fetched  # noqa: E402

import notebooks  # noqa: E402

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
ALONE = "---\nhide: [navigation]\n---\n"  # nothing stands beside the first page
SOURCES = {source: name for name, source in PAGES.items()}
WORKER, SHIM = "https://unpkg.com/iframe-worker/shim", "assets/iframe-worker/shim/index.js"
SECTION = re.compile(r"<!-- README.md: (\w+) -->")
BROKEN = re.compile(r"^<!--\w+\.\w+-->.*", re.MULTILINE)  # a figure of repeated.py at the beginning of a line
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?(\))")


def on_files(files, config):
    for name, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        text = ALONE + text if name == "index.md" else text
        files.append(File.generated(config, name, content=text.replace("](docs/", "](")))
    for path, content in fetched.assets(ROOT / ".cache").items():
        files.append(File.generated(config, f"assets/{path}", content=content))
    with ThreadPoolExecutor(2) as two:
        sources = sorted((ROOT / "notebooks").glob("*.py"))
        for page in two.map(
            lambda source: notebooks.page(source, config.extra["repository"], ROOT / ".cache"), sources
        ):
            for path, content in page.items():
                files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    where = posixpath.dirname(page.file.src_uri)
    if broken := BROKEN.search(markdown):
        raise PluginError(f"{page.file.src_uri}: a comment ends the paragraph where a line begins with it: {broken[0]}")

    def is_page(path):
        file = files.get_file_from_path(path)
        return file is not None and file.inclusion.is_included()

    def in_site(found):
        before, target, anchor, after = found.groups()
        path = posixpath.normpath(posixpath.join(where, target))
        if not is_page(path):
            source = _in_project(path, page.file.src_uri)
            path = SOURCES.get(source) or re.sub(r"^(notebooks/.*)\.ipynb$", r"\1.md", source.removeprefix("docs/"))
            if not is_page(path):
                return f"{before}{config.extra['repository']}/blob/main/{source}{anchor or ''}{after}"
        return f"{before}{posixpath.relpath(path, where or '.')}{anchor or ''}{after}"

    return LINK.sub(in_site, SECTION.sub(lambda found: _section(found[1], where), markdown))


def on_post_template(output, template_name, config):
    return output.replace(WORKER, f"/{SHIM}")  # of 404.html, which is shown at any address


def on_post_page(output, page, config):
    return output.replace(WORKER, get_relative_url(SHIM, page.url))


def _in_project(path: str, page: str) -> str:
    """The path of a file of the project, which a page of docs/ or of the project's root says from where it lies."""
    for base in (DOCS, ROOT):
        there = (base / path).resolve()
        if there.exists() and there.is_relative_to(ROOT):
            return there.relative_to(ROOT).as_posix()
    raise PluginError(f"{page}: the link {path} leads nowhere")


def _section(name: str, where: str) -> str:
    """The table of the README between <!-- name --> and <!-- end -->, for a page of this folder of docs/."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")[2].partition("<!-- end")[0]
    if not table:
        raise PluginError(f"README.md has no table <!-- {name} -->")
    return table.replace("](docs/", "](" + posixpath.relpath(".", where or ".") + "/")
