"""One browser a worker, for JupyterLab's pages and for the course's own."""

import pytest

from tests.browser import jupyterlab


@pytest.fixture(scope="session")
def new_page():
    """A function that opens a page."""
    with jupyterlab.browser() as opens:
        yield opens
