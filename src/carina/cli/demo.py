"""`carina demo`."""

from carina.cli.terminal import JsonFlag, OutOption, as_typed, drawing, note, show, show_json
from carina.cli.train import show_run


def demo(*, out: OutOption = None, as_json: JsonFlag = False) -> int:
    """Show the whole job on synthetic films.

    Audit, train, evaluate, report and predict, offline, in under two minutes.
    """
    from carina.workflows.demo import WHAT_THE_DEMO_DOES
    from carina.workflows.demo import demo as run

    if not as_json:
        note(WHAT_THE_DEMO_DOES)
    with drawing(as_json=as_json) as progress:
        result = run(out=out, progress=progress)
    answer = result.answer
    if as_json:
        show_json(
            {
                "run": str(result.run.folder),
                "report": str(result.run.report_file),
                "film": str(result.film),
                "truth": result.truth,
                "heat_map": str(result.heat_map),
                "answer": {
                    "predicted": answer.predicted,
                    "decision": answer.decision,
                    "probabilities": dict(answer.probabilities),
                },
                "next": list(result.next_commands),
            }
        )
        return 0
    show_run(result.run)
    show()
    show(f"A new film, {result.film} (made as {result.truth}):")
    shares = ", ".join(f"{name} {100 * p:.1f} %" for name, p in answer.probabilities.items())
    show(f"  answer: {answer.decision or 'abstains: ' + answer.reason}   ({shares})")
    show(f"  heat map: {result.heat_map}")
    show()
    show("Try next:")
    for command in result.next_commands:
        show(f"  {as_typed(command)}")
    return 0
