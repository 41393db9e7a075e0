"""The commands, gathered."""

from collections.abc import Callable

import typer

from carina.cli import (
    audit,
    compare,
    data,
    demo,
    denoise,
    doctor,
    evaluate,
    explain,
    export,
    import_model,
    package,
    predict,
    recipes,
    report,
    reproduce,
    serve,
    sign,
    train,
    tune,
    verify,
)
from carina.version import VERSION

app = typer.Typer(
    name="carina",
    help=(
        "Train, test, explain and serve chest X-ray classifiers, and say plainly how far each "
        "one can be trusted. Research and education only: not for diagnosis."
    ),
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add(name: str, run: Callable[..., object]) -> None:
    """Add a command, whose first line the list of commands shows whole."""
    line = (run.__doc__ or "").strip().splitlines()[0]
    app.command(name, short_help=line)(run)


_add("demo", demo.demo)
_add("audit", audit.audit)
_add("train", train.train)
_add("evaluate", evaluate.evaluate)
_add("compare", compare.compare)
_add("predict", predict.predict)
_add("explain", explain.explain)
_add("import", import_model.import_model)
_add("export", export.export)
_add("report", report.report)
_add("reproduce", reproduce.reproduce)
_add("verify", verify.verify)
_add("package", package.package)
_add("serve", serve.serve)
_add("sign", sign.sign)
_add("denoise", denoise.denoise)
_add("tune", tune.tune)
_add("recipes", recipes.recipes)
app.add_typer(data.data, name="data")
_add("doctor", doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"carina {VERSION}")
        raise typer.Exit


@app.callback()
def carina(
    context: typer.Context,
    _version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Print the help where no command is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
