"""The commands, gathered."""

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
    predict,
    recipes,
    report,
    serve,
    train,
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

app.command("demo")(demo.demo)
app.command("audit")(audit.audit)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("predict")(predict.predict)
app.command("explain")(explain.explain)
app.command("import")(import_model.import_model)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("serve")(serve.serve)
app.command("denoise")(denoise.denoise)
app.command("recipes")(recipes.recipes)
app.add_typer(data.data, name="data")
app.command("doctor")(doctor.doctor)


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
