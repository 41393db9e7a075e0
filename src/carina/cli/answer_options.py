"""How answers and heat maps are made: what `carina predict` and `carina explain` share."""

from __future__ import annotations

from typing import Annotated

import typer

PATH_HELP = "Films, or folders, .zip or .tar files of films; - is one film on standard input."
PathsArgument = Annotated[
    list[str],
    typer.Argument(metavar="PATH", help=PATH_HELP, show_default=False),
]
ClassOption = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="NAME",
        help="The class that heat maps are about (default: each film's predicted one).",
        show_default=False,
    ),
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="NAME",
        help="How heat maps are made: grad-cam, grad-cam++, ablation-cam or occlusion (default: "
        "grad-cam; occlusion where the classifier brings no maps).",
        show_default=False,
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="What computes: auto, onnxruntime, openvino or cuda; carina doctor says which "
        "auto takes, and why.",
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="NAME",
        help="f32, or bf16 where the classifier's card offers it.",
    ),
]
