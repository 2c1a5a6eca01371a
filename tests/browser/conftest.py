"""The house and the browser of these tests; the film is made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.tv_library import FilmFiles


@pytest.fixture(scope="session")
def house_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``film`` holds the made-up film as a file and as segments."""
    folder = tmp_path_factory.mktemp("house")
    FilmFiles(folder / "film").make()
    return folder
