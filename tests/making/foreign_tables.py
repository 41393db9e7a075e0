"""Tables of predictions as other tools write them."""

import csv

import numpy as np

LABELS = ("Covid", "Normal", "Viral Pneumonia")


def foreign_rows(n, *, n_classes=3, seed=0, part=None, first_patient=0):
    """Return rows with the truth, a probability for each class, and two films a patient."""
    rng = np.random.default_rng([seed, n])
    rows = []
    for number in range(n):
        truth = number % n_classes
        logits = rng.normal(size=n_classes)
        logits[truth] += 1.5
        shares = np.exp(logits) / np.exp(logits).sum()
        row = {
            "image": f"{part or 'films'}/{number:04d}.png",
            "y_true": LABELS[truth],
            "PatientID": f"SECRET{first_patient + number // 2}",
            **{f"p_{label}": repr(float(p)) for label, p in zip(LABELS, shares, strict=False)},
        }
        rows.append(row | ({"split": part} if part else {}))
    return rows


def write_rows(file, rows):
    """Write rows as a CSV file and return it."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def answer_rows(n, *, part=None, n_wrong=10, first_patient=0):
    """Return rows with truth and answer alone, the first `n_wrong` wrong."""
    rows = foreign_rows(n, n_classes=2, part=part, first_patient=first_patient)
    for number, row in enumerate(rows):
        for label in LABELS[:2]:
            del row[f"p_{label}"]
        truth = LABELS.index(row["y_true"])
        row["predicted"] = LABELS[1 - truth if number < n_wrong else truth]
    return rows
