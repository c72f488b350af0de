"""The built-in corpus: synthetic speakers, generated on first use and kept in a cache."""

import concurrent.futures
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tqdm

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.manifest import Manifest, Utterance, read_manifest, write_manifest
from tfsv.audio.pairs import draw_pairs
from tfsv.audio.synthesizer import draw_session, draw_voice, speak
from tfsv.audio.wav_bytes import wav_bytes
from tfsv.disk_space import shortage
from tfsv.errors import InputError
from tfsv.files import replacing, writable_folder

_VERSION = 1  # raise it with every change that makes other sounds
_SHORTEST, _LONGEST = 2.0, 3.0  # seconds
_MOST_TARGETS, _MOST_NONTARGETS = 5000, 20000
_VOICE, _SESSION, _UTTERANCE, _TRIALS = range(4)  # what a stream of random numbers is for


def named_corpus(name: str, *, speakers: int, utterances: int) -> Manifest:
    """The voices corpus for the name "voices", else what the manifest of that path lists.

    Example:
        >>> manifest = named_corpus("an4.tsv", speakers=100, utterances=40)

    Args:
        name: "voices" or the path of a manifest.
        speakers: Number of speakers of the voices corpus.
        utterances: Number of utterances of each of them. They are spread over up to 4 sessions.

    Raises:
        InputError: The manifest cannot be read, a number is out of range, or the cache cannot be
            written.
    """
    if name != "voices":
        return read_manifest(name)
    sessions = min(4, utterances)
    return voices_manifest(speakers=speakers, utterances=utterances, sessions=sessions)


def voices_manifest(
    *,
    speakers: int = 100,
    utterances: int = 40,
    sessions: int = 4,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
) -> Manifest:
    """The voices corpus with these parameters, which is generated when the cache has it not.

    Utterances have 2 to 3 s, are 16-bit wav at 16 kHz and are spread over the sessions in turn. A
    fifth of the speakers is test, a tenth dev, and the rest train. Test and dev have an even number
    of speakers, at least 2, so that everyone finds a partner of the same sex. `trials/dev.txt` and
    `trials/test.txt` lie beside the manifest. Its extra columns are corpus ("voices") and sex.

    The same parameters give the same bytes on the same machine and library versions. A speaker's
    voice depends on the seed and the speaker's number only. Several processes may ask at once.

    Example:
        >>> manifest = voices_manifest(speakers=10, utterances=8)
        >>> len(manifest)
        80

    Args:
        speakers: Number of speakers, at least 6.
        utterances: Number of utterances of each speaker, at least 2.
        sessions: Number of sessions of each speaker, 1 to `utterances`.
        seed: Seed from which everything random follows.
        cache: Folder to keep corpora in. None: it is $TFSV_CACHE, else $XDG_CACHE_HOME/tfsv, else
            ~/.cache/tfsv.

    Raises:
        InputError: A number is out of range, or the cache cannot be written.
    """
    for name, number, least in (
        ("speakers", speakers, 6),
        ("utterances", utterances, 2),
        ("sessions", sessions, 1),
        ("seed", seed, 0),
    ):
        if number < least:
            raise InputError(f"voices: {name}: expected at least {least}, received {number}")
    if sessions > utterances:
        raise InputError(f"voices: {sessions} sessions need as many utterances, not {utterances}")
    cache = cache_folder() if cache is None else pathlib.Path(cache)
    name = f"voices{_VERSION}-{speakers}x{utterances}-sessions{sessions}-seed{seed}"
    folder = cache / name
    if not (folder / "manifest.tsv").exists():
        _generate(folder, speakers, utterances, sessions, seed)
    return read_manifest(folder / "manifest.tsv")


def cache_folder() -> pathlib.Path:
    """The folder in which generated corpora are kept.

    It is $TFSV_CACHE, else $XDG_CACHE_HOME/tfsv, else ~/.cache/tfsv.

    Example:
        >>> os.environ["TFSV_CACHE"] = "/data/tfsv"
        >>> cache_folder()
        PosixPath('/data/tfsv')
    """
    if folder := os.environ.get("TFSV_CACHE"):
        return pathlib.Path(folder)
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(folder) / "tfsv"
    return pathlib.Path.home() / ".cache" / "tfsv"


def _generate(folder: pathlib.Path, speakers: int, utterances: int, sessions: int, seed: int):
    """Makes the corpus elsewhere in the cache and renames it; `folder` is whole or absent."""
    writable_folder(folder.parent)
    part = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with (
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
            tqdm.tqdm(
                total=speakers * utterances,
                desc="voices",
                unit="utterance",
                leave=False,
            ) as bar,
        ):
            jobs = [
                pool.submit(_speaker, part, speakers, i, utterances, sessions, seed)
                for i in range(speakers)
            ]
            try:
                for job in concurrent.futures.as_completed(jobs):
                    bar.update(len(job.result()))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        manifest = write_manifest(part / "manifest.tsv", [u for job in jobs for u in job.result()])
        for number, split in enumerate(("dev", "test")):
            _write_trials(part / "trials" / f"{split}.txt", manifest.split(split), (seed, number))
        part.chmod(0o755)
        try:
            part.rename(folder)
        except OSError:
            if not (folder / "manifest.tsv").exists():  # else another process was faster
                raise
    except OSError as error:
        cause, remedy = shortage(error, folder) or (error.strerror or error, "try another place")
        raise InputError(
            f"{folder}: voices not written ({cause}); {remedy}, or set TFSV_CACHE elsewhere"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _speaker(
    root: pathlib.Path,
    speakers: int,
    number: int,
    utterances: int,
    sessions: int,
    seed: int,
) -> list[Utterance]:
    """Writes all of one speaker's recordings."""
    name = f"v{number:04d}"
    sex = "FM"[number // 2 % 2]  # pairs, so that each split has partners of the same sex
    voice = draw_voice(np.random.default_rng((seed, _VOICE, number)), sex)
    made = []
    for s in range(sessions):
        session = draw_session(np.random.default_rng((seed, _SESSION, number, s)))
        (root / name / f"s{s}").mkdir(parents=True)
        for u in range(s, utterances, sessions):
            rng = np.random.default_rng((seed, _UTTERANCE, number, u))
            sound = speak(voice, session, rng.uniform(_SHORTEST, _LONGEST), rng)
            path = f"{name}/s{s}/{u:03d}.wav"
            (root / path).write_bytes(wav_bytes(sound))
            made.append(
                Utterance(
                    utterance=f"{name}-s{s}-{u:03d}",
                    speaker=name,
                    session=f"s{s}",
                    path=path,
                    seconds=len(sound) / SAMPLE_RATE,
                    split=_split_of(number, speakers),
                    extra={"corpus": "voices", "sex": sex},
                )
            )
    return made


def _split_of(number: int, speakers: int) -> str:
    test = max(2, speakers // 10 * 2)
    dev = max(2, speakers // 20 * 2)
    if number >= speakers - test:
        return "test"
    return "dev" if number >= speakers - test - dev else "train"


def _write_trials(path: pathlib.Path, manifest: Manifest, seed: tuple[int, int]) -> None:
    counts = {}
    for utterance in manifest:
        by_sex = counts.setdefault(utterance.extra["sex"], {})
        by_sex[utterance.speaker] = by_sex.get(utterance.speaker, 0) + 1
    targets = sum(n * (n - 1) // 2 for by_sex in counts.values() for n in by_sex.values())
    nontargets = sum(
        (sum(by_sex.values()) ** 2 - sum(n * n for n in by_sex.values())) // 2
        for by_sex in counts.values()
    )
    labels, pairs = draw_pairs(
        manifest,
        targets=min(targets, _MOST_TARGETS),
        nontargets=min(nontargets, _MOST_NONTARGETS),
        seed=(*seed, _TRIALS),
    )
    paths = [utterance.path for utterance in manifest]
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for label, (enrol, test) in zip(labels.tolist(), pairs.tolist(), strict=True):
            file.write(f"{label} {paths[enrol]} {paths[test]}\n")
