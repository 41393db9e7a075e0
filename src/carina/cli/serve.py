"""`carina serve`."""

from typing import Annotated

import typer

from carina.cli.terminal import ClassifierArgument, JsonFlag, note, show_json


def serve(
    classifier: ClassifierArgument,
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", help="Port to listen on; 0 takes a free one.")
    ] = 8000,
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

    if host not in ("127.0.0.1", "localhost", "::1"):
        note(
            f"caution: listening on {host}: everyone who reaches this address can send films; "
            "there is no login"
        )
    run(classifier, host=host, port=port, announce=announce)
    return 0
