import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

REAL_SPEECH = pathlib.Path(__file__).resolve().parents[1].parent / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption(
        "--all-networks", action="store_true", help="Check sizes of every network, not of some."
    )


class RealSpeech:
    """The recordings that lie beside the repository where it is developed."""

    root = REAL_SPEECH
    manifest = REAL_SPEECH / "manifest.tsv"

    def some_files(self, count: int) -> list[str]:
        """`count` recordings spread over the corpora, as paths."""
        lines = self.manifest.read_text().splitlines()[1:]
        chosen = lines[:: max(1, len(lines) // count)][:count]
        return [str(self.root / line.split("\t")[3]) for line in chosen]


@pytest.fixture(scope="session")
def real_speech() -> RealSpeech:
    if not RealSpeech.manifest.exists():
        pytest.skip("needs the real speech in ../shared/data")
    return RealSpeech()
