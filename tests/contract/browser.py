"""A page as a person sees it, in headless Chromium, over its debugging pipe: no driver and no package is needed."""

import base64
import json
import os
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1500,1100",
]
# the text of a node and of what its web components hold
SEEN = """(function seen(node) {
  if (node.nodeType === 3) return node.data + "\\n";
  if (["SCRIPT", "STYLE", "TEMPLATE"].includes(node.nodeName)) return "";
  return [...(node.shadowRoot ? node.shadowRoot.childNodes : []), ...node.childNodes].map(seen).join("");
})(document.body)"""


class Browser:
    """with Browser(folder) as browser: browser.open(url); browser.wait_for("text")"""

    def __init__(self, profile):
        self.profile, self._calls, self._session = profile, 0, None

    def __enter__(self):
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def as_three_and_four():
            kept = os.dup(theirs_in), os.dup(theirs_out)
            for fd, place in zip(kept, (3, 4)):
                os.dup2(fd, place)

        with open(os.path.join(self.profile, "chromium.log"), "wb") as said:
            self._process = subprocess.Popen(
                [CHROMIUM, *FLAGS, f"--user-data-dir={self.profile}/profile", "--remote-debugging-pipe", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                preexec_fn=as_three_and_four,
                close_fds=False,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read = os.fdopen(self._in, "rb")
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.wait()
        self._read.close()
        os.close(self._out)

    def open(self, url):
        self._call("Page.navigate", url=url)

    def text(self):
        """All text of the page."""
        return self.evaluate(SEEN)

    def evaluate(self, script):
        return self._call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait_for(self, *texts, seconds=60):
        """Return the page's text once it has all of these."""
        until = time.monotonic() + seconds
        while True:
            shown = self.text() or ""
            missing = [text for text in texts if text not in shown]
            if not missing:
                return shown
            assert time.monotonic() < until, f"the page does not show {missing} but {shown[:3000]}"
            time.sleep(0.5)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method, **params):
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self):
        message = bytearray()
        while (byte := self._read.read(1)) != b"\0":
            assert byte, "the browser has ended"
            message += byte
        return message
