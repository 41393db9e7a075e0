"""`carina serve`."""

from typing import Annotated

import typer

from carina.cli.terminal import ClassifierArgument, note


def serve(
    classifier: ClassifierArgument,
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", help="Port to listen on; 0 takes a free one.")
    ] = 8000,
) -> int:
    """Answer for films in the browser and over REST."""
    from carina.workflows.extras import require_extra

    require_extra("web", needed_for="carina serve")
    from carina.inference.bundle import load_classifier
    from carina.settings import Settings
    from carina.web.server import serve as run

    loaded = load_classifier(classifier)
    if host not in ("127.0.0.1", "localhost", "::1"):
        note(
            f"caution: listening on {host}: everyone who reaches this address can send films; "
            "there is no login"
        )
    run(loaded, Settings.from_environment(), host=host, port=port)
    return 0
