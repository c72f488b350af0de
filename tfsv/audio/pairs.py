"""Drawing pairs of utterances from a manifest, for trials."""

import numpy as np
from absl import logging

from tfsv.audio.manifest import Manifest, Utterance
from tfsv.errors import InputError

_ENUMERABLE = 1_000_000  # up to so many pairs of utterances, all are listed and drawn from
_ROUNDS = 20  # of drawing, before it stops favouring speakers with few utterances


def draw_pairs(
    manifest: Manifest,
    *,
    targets: int,
    nontargets: int,
    seed: int | tuple[int, ...] = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws pairs of utterances of one speaker (targets) and of two (non-targets).

    Target pairs are spread evenly over the speakers. A speaker's pairs within a session are used
    only when those of two sessions do not suffice. Both sides of a non-target pair come from one
    corpus and one sex, where the manifest's columns `corpus` and `sex` say so. Otherwise channel
    and sex would give the answer away. Non-target pairs are spread over corpora and sexes as the
    targets are, and evenly over the speakers there.

    No pair occurs twice, in either order, and no utterance meets itself. The order of the list and
    of the sides is random. The same manifest, numbers and seed give the same list.

    Where fewer pairs exist than are wanted, all of them are taken and a warning is logged. A
    warning is logged too when a speaker has one utterance and hence no target pair.

    Example:
        >>> dev = read_manifest("corpus/manifest.tsv").split("dev")
        >>> labels, pairs = draw_pairs(dev, targets=1000, nontargets=1000)

    Args:
        manifest: Manifest whose utterances are paired. It should be one split.
        targets: Number of target pairs wanted, at least 1.
        nontargets: Number of non-target pairs wanted, at least 1.
        seed: Seed of all random choices.

    Returns:
        labels: Labels, of which 1 marks a target, uint8 `[pairs]`.
        pairs: Indices into the manifest's utterances, int32 `[pairs, 2]`.

    Raises:
        InputError: A number is below 1, no speaker has two utterances, or no two speakers share
            corpus and sex.
    """
    if targets < 1 or nontargets < 1:
        raise InputError(
            f"trials: expected at least 1 target and 1 non-target, received {targets}, {nontargets}"
        )
    rng = np.random.default_rng(seed)
    groups = _grouped(manifest)
    same = _target_pairs(manifest, groups, targets, rng)
    different = _nontarget_pairs(manifest, groups, [len(p) for p in same], nontargets, rng)
    drawn = np.concatenate(same)
    for found, wanted, kind in (
        (drawn, targets, "target"),
        (different, nontargets, "non-target"),
    ):
        if len(found) < wanted:
            logging.warning("%s: %d %s trials, not %d", manifest.path, len(found), kind, wanted)
    pairs = np.concatenate([drawn, different]).astype(np.int32)
    labels = (np.arange(len(pairs)) < len(drawn)).astype(np.uint8)
    swapped = rng.random(len(pairs)) < 0.5
    pairs = np.where(swapped[:, None], pairs[:, ::-1], pairs)
    order = rng.permutation(len(pairs))
    return labels[order], pairs[order]


def _grouped(manifest: Manifest) -> list[dict[str, np.ndarray]]:
    """Groups of speakers that may meet, each from a speaker to indices of its utterances."""
    groups: dict[tuple[str, str], dict[str, list[int]]] = {}
    for i, utterance in enumerate(manifest.utterances):
        key = (utterance.extra.get("corpus", ""), utterance.extra.get("sex", ""))
        groups.setdefault(key, {}).setdefault(utterance.speaker, []).append(i)
    return [
        {speaker: np.array(members) for speaker, members in sorted(groups[key].items())}
        for key in sorted(groups)
    ]


def _target_pairs(
    manifest: Manifest,
    groups: list[dict[str, np.ndarray]],
    wanted: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Target pairs of each group, utterance indices int `[pairs, 2]`."""
    speakers = [(g, s, m) for g, group in enumerate(groups) for s, m in group.items()]
    capacities = np.array([len(m) * (len(m) - 1) // 2 for _, _, m in speakers])
    single = [s for (_, s, _), capacity in zip(speakers, capacities, strict=True) if not capacity]
    if len(single) == len(speakers):
        raise InputError(f"{manifest.path}: no speaker has two utterances; no target trial")
    if single:
        logging.warning(
            "%s: %d speakers with one utterance are in non-target trials only: %s",
            manifest.path,
            len(single),
            ", ".join(single[:5]) + (", …" if len(single) > 5 else ""),
        )
    pairs = [[np.empty((0, 2), np.int64)] for _ in groups]
    shares = _level(capacities, wanted, rng)
    for (g, _, members), share in zip(speakers, shares, strict=True):
        if share:
            pairs[g].append(_within_speaker(manifest.utterances, members, share, rng))
    return [np.concatenate(of_group) for of_group in pairs]


def _within_speaker(
    utterances: list[Utterance],
    members: np.ndarray,
    share: int,
    rng: np.random.Generator,
) -> np.ndarray:
    first, second = np.triu_indices(len(members), 1)
    _, session = np.unique([utterances[i].session for i in members], return_inverse=True)
    session = session.reshape(-1)
    order = rng.permutation(len(first))
    across = session[first[order]] != session[second[order]]
    order = np.concatenate([order[across], order[~across]])[:share]
    return np.stack([members[first[order]], members[second[order]]], axis=1)


def _level(capacities: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Shares of `wanted` that are as equal as the capacities allow."""
    shares = np.zeros_like(capacities)
    while (left := min(wanted, capacities.sum()) - shares.sum()) > 0:
        room = rng.permutation(np.flatnonzero(capacities > shares))
        if left < len(room):
            shares[room[:left]] += 1
        else:
            shares[room] += np.minimum(left // len(room), capacities[room] - shares[room])
    return shares


def _nontarget_pairs(
    manifest: Manifest,
    groups: list[dict[str, np.ndarray]],
    targets: list[int],
    wanted: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Non-target pairs, utterance indices int `[pairs, 2]`."""
    sizes = [np.array([len(m) for m in group.values()]) for group in groups]
    capacities = np.array([(s.sum() ** 2 - (s**2).sum()) // 2 for s in sizes])
    if not capacities.any():
        raise InputError(
            f"{manifest.path}: no two speakers of one corpus and sex; no non-target trial"
        )
    weights = np.where(capacities > 0, np.maximum(targets, 1e-9), 0.0)
    exact = weights / weights.sum() * min(wanted, capacities.sum())
    shares = np.minimum(np.floor(exact).astype(int), capacities)
    shares += _level(capacities - shares, min(wanted, capacities.sum()) - shares.sum(), rng)
    drawn = [
        _between_speakers(list(group.values()), share, rng)
        for group, share in zip(groups, shares, strict=True)
        if share
    ]
    return np.concatenate(drawn)


def _between_speakers(
    members: list[np.ndarray], share: int, rng: np.random.Generator
) -> np.ndarray:
    """Draws `share` different pairs of utterances of different speakers."""
    utterances = np.concatenate(members)
    speaker = np.repeat(np.arange(len(members)), [len(m) for m in members])
    count = len(utterances)
    if count * (count - 1) // 2 <= _ENUMERABLE:
        first, second = np.triu_indices(count, 1)
        keep = speaker[first] != speaker[second]
        first, second = first[keep], second[keep]
        # The smallest of exponential variables is a weighted draw without replacement
        # (Efraimidis and Spirakis 2006); the weight makes all pairs of speakers equally likely.
        sizes = np.bincount(speaker).astype(float)
        keys = rng.exponential(size=len(first)) * sizes[speaker[first]] * sizes[speaker[second]]
        chosen = np.argsort(keys, kind="stable")[:share]
        return np.stack([utterances[first[chosen]], utterances[second[chosen]]], axis=1)
    starts = np.concatenate([[0], np.cumsum([len(m) for m in members])])
    codes = np.empty(0, np.int64)
    rounds = 0
    while len(codes) < share:
        if rounds < _ROUNDS:  # every speaker equally likely
            sides = rng.integers(len(members), size=(2 * share + 16, 2))
            within = rng.random(sides.shape) * np.diff(starts)[sides]
            sides = starts[sides] + within.astype(np.int64)
        else:  # every utterance equally likely, so that it ends
            sides = rng.integers(count, size=(2 * share + 16, 2))
        sides = np.sort(sides[speaker[sides[:, 0]] != speaker[sides[:, 1]]], axis=1)
        codes = np.concatenate([codes, sides[:, 0] * np.int64(count) + sides[:, 1]])
        codes = codes[np.sort(np.unique(codes, return_index=True)[1])]
        rounds += 1
    codes = codes[:share]
    return np.stack([utterances[codes // count], utterances[codes % count]], axis=1)
