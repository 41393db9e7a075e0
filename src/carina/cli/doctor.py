"""`carina doctor`."""

from carina.cli.terminal import JsonFlag, show_json, show_table


def doctor(*, as_json: JsonFlag = False) -> int:
    """Say what is installed and what this machine has."""
    from carina.workflows.doctor import doctor as run

    facts = run()
    if as_json:
        show_json(facts)
    else:
        show_table(
            ("what", "found"),
            [(name, str(value)) for name, value in facts.items()],
            left=("found",),
        )
    return 0
