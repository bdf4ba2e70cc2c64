"""A real JupyterLab under a real, headless Chromium, on a copy of the notebooks. For the browser test and the benchmark."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "browser-test"
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SETTINGS = {
    # all cells stay in the page, and no question about news covers it
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def find_browser():
    """The path of an installed Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@contextlib.contextmanager
def served_course(folder, own_settings=None):
    """Serve a copy of the notebooks from `folder`, as `make lab` does but for these settings of JupyterLab; yields their address.

    Cells with the tag "long", in which no slider stands and on which none depends, are left out: nbval runs them.
    """
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    for path in (folder / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if "long" not in cell.metadata.get("tags", [])]
        nbformat.write(notebook, path)
    (folder / "helpers").symlink_to(ROOT / "helpers")
    for name, values in {**SETTINGS, **(own_settings or {})}.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]  # fmt: skip
    own = {  # nothing of the user's own settings, open tabs or data sets comes in
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "JUPYTER_CONFIG_DIR": "config",
        "CNN_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
    }  # fmt: skip
    environment = {**os.environ, **{name: str(folder / place) for name, place in own.items()}}
    environment["JUPYTER_CONFIG_PATH"] = str(ROOT / "jupyter")  # as `make lab` does
    log = (folder / "jupyter.log").open("w")
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, folder / "jupyter.log")
        # reset: no notebook that was open before is opened again
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{{}}?token={TOKEN}&reset"
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def _wait_for(address, server, log, seconds=60):
    for _ in range(seconds * 5):
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=2)
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@contextlib.contextmanager
def kernel_of(folder):
    """Talk to the one kernel of a served course, behind the page's back; yields a function from code to what it prints."""
    from jupyter_client import BlockingKernelClient

    (connection,) = (folder / "runtime").glob("kernel-*.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()

    def run(code):
        printed = []

        def take(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = client.execute_interactive(code, store_history=False, output_hook=take, timeout=60)["content"]
        if reply["status"] != "ok":
            raise RuntimeError(f"{reply['ename']}: {reply['evalue']}")
        return "".join(printed)

    try:
        yield run
    finally:
        client.stop_channels()


@contextlib.contextmanager
def browser():
    """A fresh browser; yields a function that opens a page in it, 1280×900, with nothing of other pages.

    The function takes options of Playwright's `new_page`, such as java_script_enabled=False.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_OPTIONS)
        try:
            yield lambda **options: opened.new_page(viewport={"width": 1280, "height": 900}, **options)
        finally:
            opened.close()


def open_and_run_all(page, address, timeout=480):
    """Open a notebook, choose Run > Run All Cells, wait until its last cell has run."""
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    _wait_for_kernel(page, address)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = page.locator(".jp-CodeCell").last
    last.locator(".jp-InputPrompt", has_text="[*]").wait_for(timeout=30_000)
    last.locator(".jp-InputPrompt", has_text="[*]").wait_for(state="detached", timeout=timeout * 1000)


def end_kernels(page, address):
    """End all kernels of the page's server, so that the next page has the machine to itself."""
    for session in page.request.get(_api(address, "sessions")).json():
        page.request.delete(_api(address, f"sessions/{session['id']}"), headers={"Authorization": f"token {TOKEN}"})


def _api(address, what):
    return re.sub(r"/lab/.*\?", f"/api/{what}?", address)


def _wait_for_kernel(page, address, seconds=60):
    """The page's own signs of a ready kernel come before it is; the server knows."""
    for _ in range(seconds * 5):
        answer = page.request.get(_api(address, "kernels"))
        # a kernel that is just being started can make the server answer with an error: ask again
        if answer.ok and any(k["connections"] and k["execution_state"] == "idle" for k in answer.json()):
            return
        page.wait_for_timeout(200)
    raise RuntimeError(f"no kernel was ready after {seconds} s; the server last said: {answer.status} {answer.text()}")


def lab_with(page, name):
    """The lab (the output with controls and picture) that has a control of that name."""
    return page.locator(".jp-OutputArea-output", has=_label(page, name)).first


def handle_of(lab, name):
    """The handle of the slider of that name: what a hand takes and a keyboard moves."""
    return lab.locator(".widget-slider", has=_label(lab.page, name)).locator(".noUi-handle")


def _label(page, name):
    return page.locator(".widget-label", has_text=re.compile(f"^{re.escape(name)}$"))
