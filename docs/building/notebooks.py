"""The notebooks: Python files in notebooks/, run for the site and shown there with what they print and draw.

python docs/building/notebooks.py writes the .ipynb beside each, without outputs, for Colab and Jupyter.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path

import jupytext

ROOT = Path(__file__).parents[2]
COLAB = "https://colab.research.google.com/github/{name}/blob/main/notebooks/{stem}.ipynb"
INSTALL = "install"  # tag of the cell that Colab needs, which the site does not show
SECONDS = 900  # for one cell


def page(source: Path, repository: str, cache: Path) -> dict[str, str | bytes]:
    """The page of a notebook and its pictures, by their path in the site."""
    if not is_paired(source):
        raise ValueError(f"{source.name} has changed and its .ipynb has not; run python docs/building/notebooks.py")
    executed = _executed(source, cache)
    parts, pictures = [], {}
    for index, cell in enumerate(executed["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
        else:
            parts.append(f"```python\n{text}\n```")
            for number, output in enumerate(_as_seen(cell["outputs"])):
                shown, picture = _shown(output, f"{source.stem}-{index}-{number}.png")
                parts.append(shown)
                pictures |= picture
    colab = COLAB.format(name=repository.removeprefix("https://github.com/"), stem=source.stem)
    here = f"{repository}/blob/main/notebooks/{source.stem}.ipynb"
    links = f"[Open in Colab]({colab}){{ .md-button }} [The notebook]({here}){{ .md-button }}"
    title, _, rest = "\n\n".join(parts).partition("\n")
    return {f"notebooks/{source.stem}.md": f"{title}\n\n{links}\n{rest}"} | pictures


def _as_seen(outputs: list[dict]) -> list[dict]:
    """What is left on a screen: a line of progress is written over, and wiped out at its end."""
    seen: list[dict] = []
    for output in outputs:
        before = seen[-1] if seen else {}
        if output["output_type"] == "stream" and before.get("name") == output["name"]:
            seen[-1] = before | {"text": before["text"] + "".join(output["text"])}
        else:
            seen.append(dict(output) | ({"text": "".join(output["text"])} if "text" in output else {}))
    for output in seen:
        if "text" in output:
            output["text"] = "\n".join(_written_over(line) for line in output["text"].split("\n"))
    return [output for output in seen if output["output_type"] != "stream" or output["text"].strip()]


def _written_over(line: str) -> str:
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def _shown(output: dict, name: str) -> tuple[str, dict[str, bytes]]:
    """An output in markdown, and the picture that it shows."""
    data = output.get("data", {})
    if output["output_type"] == "error":
        raise ValueError("\n".join(output["traceback"]))
    if "image/png" in data:
        return f"![what the cell draws]({name})", {f"notebooks/{name}": base64.b64decode(data["image/png"])}
    if "text/html" in data and "<table" in "".join(data["text/html"]):
        html = re.sub(r"\n\s*", "\n", "".join(data["text/html"]))
        return f'<div class="output">\n{html}\n</div>', {}
    text = "".join(output.get("text") or data.get("text/plain", ""))
    return f"``` {{ .text .output }}\n{text.rstrip()}\n```", {}


def _executed(source: Path, cache: Path) -> dict:
    """The notebook with its outputs, run again where it or the package has changed."""
    from nbclient import NotebookClient

    files = [source, *sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "conf").rglob("*.yaml"))]
    seen = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    kept = cache / f"{source.stem}-{seen}.json"
    if not kept.exists():
        notebook = _without_install(jupytext.read(source))
        work = cache / f"running-{source.stem}"
        work.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        client = NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(work)}}
        )
        client.execute(env=environment)
        kept.write_text(json.dumps(notebook), encoding="utf-8")
    return json.loads(kept.read_text(encoding="utf-8"))


def _without_install(notebook: dict) -> dict:
    notebook["cells"] = [cell for cell in notebook["cells"] if INSTALL not in cell["metadata"].get("tags", [])]
    return notebook


def paired(source: Path) -> str:
    """The .ipynb of a notebook, without outputs and with cells that are named by their place."""
    notebook = jupytext.read(source)
    notebook["metadata"] = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook["nbformat_minor"] = 5
    for index, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{index}"
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def is_paired(source: Path) -> bool:
    beside = source.with_suffix(".ipynb")
    return beside.exists() and beside.read_text(encoding="utf-8") == paired(source)


if __name__ == "__main__":
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        path.with_suffix(".ipynb").write_text(paired(path), encoding="utf-8")
