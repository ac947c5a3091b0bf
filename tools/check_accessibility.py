"""Checks pages with axe-core in headless Chromium, wide and narrow, and says which rules they break.

    python3 tools/check_accessibility.py run/report.html …

Needs `npm`, which fetches axe-core, and Chromium (or the program that the variable CHROMIUM names). The pages load nothing:
axe-core is put into a copy of each. Ends with status 1 if a rule is broken, or if a page is wider than the screen.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from urllib.parse import unquote

AXE_VERSION = "4.10.3"
SIZES = [(1200, 2000), (400, 2000)]
# Writes the result into the page, which Chromium then prints.
PROBE = """
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
  .then(function (result) {
    var broken = result.violations.map(function (rule) {
      return {id: rule.id, help: rule.help, n: rule.nodes.length, at: rule.nodes.slice(0, 3).map(function (node) {
        return node.target.join(" ") + ": " + (node.any.concat(node.all, node.none)[0] || {message: ""}).message;
      })};
    });
    var element = document.createElement("pre");
    element.id = "axe-result";
    element.textContent = encodeURIComponent(JSON.stringify({
      broken: broken, passes: result.passes.length,
      wide: document.documentElement.scrollWidth, screen: document.documentElement.clientWidth
    }));
    document.body.appendChild(element);
  });
"""


def axe_source(folder):
    """Fetches axe-core with npm and returns its source."""
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, f"axe-core@{AXE_VERSION}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (pathlib.Path(folder) / "node_modules/axe-core/axe.min.js").read_text()


def check(page, axe, folder, chromium, size, dark):
    """The result of axe on one page at one size."""
    text = pathlib.Path(page).read_text()
    script = f"<script>{axe}</script><script>{PROBE}</script>"
    copy = pathlib.Path(folder) / "page.html"
    copy.write_text(text.replace("</body>", script + "</body>"))
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={folder}/profile", f"--window-size={size[0]},{size[1]}", "--virtual-time-budget=60000",
        "--dump-dom", copy.as_uri(),
    ]
    if dark:
        command.insert(1, "--blink-settings=preferredColorScheme=0")
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = re.search(r'<pre id="axe-result">([^<]*)</pre>', found)
    if not result:
        sys.exit(f"{page}: axe did not end")
    return json.loads(unquote(result.group(1)))


def main():
    pages = sys.argv[1:]
    if not pages:
        sys.exit(__doc__)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        sys.exit("no chromium: install it, or name it in CHROMIUM")
    n_broken = 0
    with tempfile.TemporaryDirectory() as folder:
        axe = axe_source(folder)
        for page in pages:
            for size, dark in [(size, dark) for size in SIZES for dark in (False, True)]:
                result = check(page, axe, folder, chromium, size, dark)
                look = f"{size[0]} px, {'dark' if dark else 'light'}"
                print(f"{page} ({look}): {result['passes']} rules hold, {len(result['broken'])} are broken")
                for rule in result["broken"]:
                    print(f"  {rule['id']}: {rule['help']} ({rule['n']} places)")
                    for place in rule["at"]:
                        print(f"    {place}")
                if result["wide"] > result["screen"]:
                    print(f"  the page is {result['wide']} px wide on a screen of {result['screen']} px")
                    n_broken += 1
                n_broken += len(result["broken"])
    sys.exit(1 if n_broken else 0)


if __name__ == "__main__":
    main()
