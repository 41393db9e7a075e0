"""Public data sets that Carina knows: where they are, and what to know before using them.

Counts, licences and layouts are those that the data sets' own pages or papers state; where a
page states none, the field is None or says so. Nothing here was measured by Carina.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from carina.errors import UnknownNameError
from carina.registry import unknown_name_sentence

_NOT_STATED = "see its page"


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A public data set.

    Attributes:
        name: what `carina data get` calls it.
        title: its own title.
        about: what it is, in one sentence.
        layout: how its films lie.
        classes: its classes, as its folders or labels call them.
        n_films: the number of films as published, or None if its page gives none.
        licence: as published, or where to read it.
        citation: what to cite, or "".
        kind: how it comes: from Kaggle, as the archive of a Git repository, or as a file.
        address: a Kaggle handle ("owner/name"), or the web address of the file.
        page: where a person reads about it and can fetch it by hand.
        caution: what is wrong with it, in one sentence.
        file: the name of the archive or file.
        md5: hex digest, where one is published.
        inside: the folder in it that is opened; "" for all of it.
        recipe: the shipped recipe that was described for it, or "".
    """

    name: str
    title: str
    about: str
    layout: str
    classes: tuple[str, ...]
    n_films: int | None
    licence: str
    citation: str
    kind: Literal["kaggle", "git archive", "url"]
    address: str
    page: str
    caution: str
    file: str
    md5: str | None = None
    inside: str = ""
    recipe: str = ""


KNOWN_DATASETS: tuple[KnownDataset, ...] = (
    KnownDataset(
        name="chest-xray-pneumonia",
        title="Chest X-Ray Images (Pneumonia)",
        about="Films of children of one to five years from one hospital, normal or pneumonia.",
        layout="chest_xray/train|val|test/{NORMAL,PNEUMONIA}",
        classes=("NORMAL", "PNEUMONIA"),
        n_films=5856,
        licence="CC BY 4.0",
        citation="Kermany et al., Cell 172 (2018) 1122-1131",
        kind="kaggle",
        address="paultimothymooney/chest-xray-pneumonia",
        page="https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia",
        caution=(
            "Only children: beside adult films of another class, age alone tells the classes; the "
            "validation folder is very small."
        ),
        file="chest-xray-pneumonia.zip",
        inside="chest_xray",
    ),
    KnownDataset(
        name="covid-chestxray-dataset",
        title="COVID-19 image data collection",
        about="Films of COVID-19 and other pneumonias, gathered from publications and the web.",
        layout="metadata.csv beside images/",
        classes=("COVID-19", "Normal", "Pneumonia"),
        n_films=None,
        licence="per image, in metadata.csv (many CC BY-NC-SA)",
        citation="Cohen et al., COVID-19 Image Data Collection, arXiv 2006.11988",
        kind="git archive",
        address="https://github.com/ieee8023/covid-chestxray-dataset/archive/refs/heads/master.zip",
        page="https://github.com/ieee8023/covid-chestxray-dataset",
        caution=(
            "Hardly any normal film is in it, so that another source must give them, and then the "
            "source tells the class; several films are of one patient."
        ),
        file="covid-chestxray-dataset.zip",
    ),
    KnownDataset(
        name="covid19-chest-xray-detection",
        title="COVID-19 Chest X-Ray Detection",
        about="Films with COVID-19 and without.",
        layout="Train|Test/{covid,non_covid}",
        classes=("covid", "non_covid"),
        n_films=672,
        licence=_NOT_STATED,
        citation="",
        kind="kaggle",
        address="akhilkasare/covid19-chest-xray-detection",
        page="https://www.kaggle.com/datasets/akhilkasare/covid19-chest-xray-detection",
        caution=(
            "It has no validation folder, and the project that it was described for validates on "
            "its Test folder, so that the described figures flatter."
        ),
        file="covid19-chest-xray-detection.zip",
        recipe="five-conv-500",
    ),
    KnownDataset(
        name="covid19-image-dataset",
        title="Covid-19 Image Dataset",
        about="COVID-19, viral pneumonia and normal films, in a train and a test folder.",
        layout="Covid19-dataset/train|test/{Covid,Normal,Viral Pneumonia}",
        classes=("Covid", "Normal", "Viral Pneumonia"),
        n_films=317,
        licence="CC BY-SA 4.0",
        citation="Kaggle, pranavraikokte/covid19-image-dataset",
        kind="kaggle",
        address="pranavraikokte/covid19-image-dataset",
        page="https://www.kaggle.com/datasets/pranavraikokte/covid19-image-dataset",
        caution=(
            "Its 66 test films leave every figure wide open: 64 right of 66 is 89.6 to 99.2 %."
        ),
        file="covid19-image-dataset.zip",
        recipe="augmented-three-class",
    ),
    KnownDataset(
        name="covid19-radiography-database",
        title="COVID-19 Radiography Database",
        about="COVID-19, lung opacity, normal and viral pneumonia from many sources, with masks.",
        layout="COVID-19_Radiography_Dataset/CLASS/{images,masks}",
        classes=("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"),
        n_films=21165,
        licence=_NOT_STATED,
        citation=(
            "Chowdhury et al., IEEE Access 8 (2020) 132665-132676; Rahman et al., Computers in "
            "Biology and Medicine 132 (2021) 104319"
        ),
        kind="kaggle",
        address="tawsifurrahman/covid19-radiography-database",
        page="https://www.kaggle.com/datasets/tawsifurrahman/covid19-radiography-database",
        caution=(
            "Every class comes from other hospitals than the rest, and the viral pneumonias are "
            "children's: the source tells the class."
        ),
        file="covid19-radiography-database.zip",
    ),
    KnownDataset(
        name="education454-datasets",
        title="education454/datasets",
        about="COVID-19 and normal films of many tutorials, in a train and a test folder.",
        layout="Data/train|test/{COVID19,NORMAL}",
        classes=("COVID19", "NORMAL"),
        n_films=None,
        licence=_NOT_STATED,
        citation="",
        kind="git archive",
        address="https://github.com/education454/datasets/archive/refs/heads/master.zip",
        page="https://github.com/education454/datasets",
        caution=(
            "It has no validation folder, and no folder says where its films come from: read the "
            "audit before you believe a figure."
        ),
        file="education454-datasets.zip",
        inside="Data",
        recipe="two-conv",
    ),
    KnownDataset(
        name="pneumoniamnist",
        title="PneumoniaMNIST (MedMNIST v2)",
        about="The children's films of chest-xray-pneumonia at 28 x 28 pixels, to try things out.",
        layout="one .npz with train, val and test",
        classes=("normal", "pneumonia"),
        n_films=5856,
        licence="CC BY 4.0",
        citation="Yang et al., Scientific Data 10 (2023) 41",
        kind="url",
        address="https://zenodo.org/records/6496656/files/pneumoniamnist.npz?download=1",
        page="https://zenodo.org/records/6496656",
        caution="28 x 28 pixels show next to nothing of a lung, and patients are unknown.",
        file="pneumoniamnist.npz",
        # As the package medmnist publishes it in its INFO.
        md5="28209eda62fecd6e6a2d98b1501bb15f",
    ),
)


def known_dataset(name: str) -> KnownDataset:
    """Return the data set that is known under a name.

    Raises:
        UnknownNameError: if there is none; it names the nearest.

    >>> known_dataset("pneumoniamnist").n_films
    5856
    """
    for known in KNOWN_DATASETS:
        if known.name == name:
            return known
    names = [known.name for known in KNOWN_DATASETS]
    raise UnknownNameError(unknown_name_sentence("known data set", name, names))
