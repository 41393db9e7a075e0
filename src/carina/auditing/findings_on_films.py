"""Findings on what the films look like and where they come from, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from carina.domain.audit import Ages, Confounder, Finding, Misfit, Severity, SharedFilm
from carina.domain.sentences import counted, listed

# A signal that goes half the way from guessing to certainty decides a benchmark by itself.
_DECISIVE = 0.5
_FEW_CHILDREN, _MANY_CHILDREN = 0.2, 0.8
_MUCH = 0.02
_EVERYWHERE = 0.5
_N_NAMED = 3


def on_confounders(confounders: Sequence[Confounder]) -> list[Finding]:
    """Return a finding on the best signal in the pixels and one on the best outside them."""
    findings = []
    for in_pixels in (True, False):
        telling = [c for c in confounders if c.tells and c.in_pixels == in_pixels]
        # What has no lungs in it at all says more than what has them coarsely.
        telling.sort(key=lambda c: (c.has_lungs, -c.share_of_the_way))
        if not telling:
            continue
        first, others = telling[0], telling[1:]
        more = "".join(f", {one.signal} {one.balanced_accuracy:.2f}" for one in others)
        sentence = first.sentence.rstrip(".")
        findings.append(
            Finding(
                severity=_severity(first),
                sentence=f"{sentence}{' (also told from' + more[1:] + ')' if more else ''}.",
            )
        )
    return findings


def on_ages(ages: Ages | None) -> list[Finding]:
    """Return a warning where one class is of children and another of adults."""
    if ages is None or not ages.children:
        return []
    young = sorted(name for name, share in ages.children.items() if share >= _MANY_CHILDREN)
    old = sorted(name for name, share in ages.children.items() if share <= _FEW_CHILDREN)
    if not young or not old:
        return []
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in ages.children.items())
    rests_on = (
        "by the ages stated"
        if ages.basis == "stated"
        else f"judged by the look of the films: {ages.sureness}, not certain"
    )
    return [
        Finding(
            severity="critical" if ages.sureness == "certain" else "warning",
            sentence=f"Films of {listed(young)} are of children and films of {listed(old)} of "
            f"adults ({rests_on}; children: {shares}): a network can tell them by the body's "
            "size, without any disease.",
        )
    ]


def on_misfits(misfits: Sequence[Misfit], *, n_films: int) -> list[Finding]:
    """Return how many films may not belong, and why."""
    codes = Counter(misfit.code for misfit in misfits)
    everywhere = {code for code, n in codes.items() if n >= max(_EVERYWHERE * n_films, 2)}
    findings = [
        Finding(
            severity="warning",
            sentence=f"{codes[code]} of {counted(n_films, 'film')} are called '{code}': that is "
            "how this data set was made, and no matter of single films. Find out what was done "
            "to them.",
        )
        for code in sorted(everywhere)
    ]
    single = [misfit for misfit in misfits if misfit.code not in everywhere]
    if not single:
        return findings
    films = {misfit.path for misfit in single}
    listing = ", ".join(f"{code} {n}" for code, n in codes.most_common() if code not in everywhere)
    sure = sum(misfit.sureness != "possible" for misfit in single)
    is_much = sure > _MUCH * n_films
    return [
        *findings,
        Finding(
            severity="warning" if is_much else "note",
            sentence=f"{len(films)} of {counted(n_films, 'film')} may not belong ({listing}): "
            "look at them before you train.",
        ),
    ]


def on_against(shared: Sequence[SharedFilm] | None) -> list[Finding]:
    """Return how many films another data set has too, and under which other classes."""
    if shared is None:
        return []
    if not shared:
        sentence = "No film of the data set is also in the one that it was held against."
        return [Finding(severity="note", sentence=sentence)]
    findings = []
    pictures = [film for film in shared if film.kind != "same-patient"]
    patients = [film for film in shared if film.kind == "same-patient"]
    if pictures:
        kinds = Counter(film.kind for film in pictures)
        listing = ", ".join(f"{kind} {n}" for kind, n in kinds.most_common())
        findings.append(
            Finding(
                severity="critical",
                sentence=f"{counted(len(pictures), 'film')} also in the other data set "
                f"({listing}): a test on it is no test on unknown films.",
            )
        )
    conflicts = [f for f in pictures if all(f.labels) and f.labels[0] != f.labels[1]]
    if conflicts:
        named = sorted({" and ".join(film.labels) for film in conflicts})
        findings.append(
            Finding(
                severity="critical",
                sentence=f"{counted(len(conflicts), 'film')} under another class there "
                f"({'; '.join(named[:3])}): one of the two labels is wrong.",
            )
        )
    if patients:
        findings.append(
            Finding(
                severity="warning",
                sentence=f"{counted(len(patients), 'film')} of patients who have other films in "
                "the other data set.",
            )
        )
    return findings


def on_writing(writing: Sequence[str], *, n_films: int) -> list[Finding]:
    """Return a warning where films seem to carry writing: no tag can take a name away from it."""
    if not writing:
        return []
    more = f" and {len(writing) - _N_NAMED} more" if len(writing) > _N_NAMED else ""
    return [
        Finding(
            severity="warning",
            sentence=f"{len(writing)} of {counted(n_films, 'film')} seem to carry lines of writing "
            f"that may name a patient ({', '.join(writing[:_N_NAMED])}{more}): look at them before "
            "you pass on the films, or a page that shows them.",
        )
    ]


def _severity(confounder: Confounder) -> Severity:
    is_decisive = confounder.share_of_the_way >= _DECISIVE
    return "critical" if is_decisive and not confounder.has_lungs else "warning"
