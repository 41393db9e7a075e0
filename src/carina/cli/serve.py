"""`carina serve`."""

from typing import Annotated

import typer

from carina.cli.answer_options import PrecisionOption, RuntimeOption
from carina.cli.terminal import ClassifierArgument, JsonFlag, show_json


def serve(
    classifier: ClassifierArgument,
    *,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on; any but 127.0.0.1 and ::1 asks requests for a token.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "f32",
    token_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Holds the token that requests must bring; else CARINA_TOKEN, or one is made.",
            show_default=False,
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Another name that the server answers under; may be repeated.",
            show_default=False,
        ),
    ] = None,
    signer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="Serve only what this key has signed: a public key's file, a folder of such "
            "files, or a fingerprint (SHA256:...); may be repeated.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Answer for films in the browser and over REST."""
    from carina.web.server import say_on_stderr
    from carina.web.server import serve as run

    def announce(name: str, address: str) -> None:
        if as_json:
            show_json({"classifier": name, "address": address})
        else:
            say_on_stderr(name, address)

    run(
        classifier,
        host=host,
        port=port,
        runtime=runtime,
        precision=precision,
        token_file=token_file,
        allowed_hosts=tuple(allowed_host or ()),
        signers=tuple(signer or ()),
        announce=announce,
    )
    return 0
