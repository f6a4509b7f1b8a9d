"""`tierline codec`: the keys of payload encryption."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.output import example, print_json, print_line
from services.security.codec import new_key

app = typer.Typer(no_args_is_help=True, help="Payload encryption: what Temporal stores of tickets, it cannot read.")


@app.command(epilog=example("tierline codec key >> codec.keys", "export TIERLINE_CODEC_KEYS=@codec.keys"))
def key(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False) -> None:
    """Make a key and print it, as TIERLINE_CODEC_KEYS takes it: its id, a colon, 256 random bits.

    The first key that is set encrypts, every one decrypts, and the word plain in front of them means: none encrypts
    yet. To change keys, put the new one last and restart every process; then put it first and restart them again. Keep
    the old one for as long as Temporal keeps histories: what is encrypted with a lost key is lost.
    """
    made = new_key(datetime.now(UTC))
    if as_json:
        print_json({"id": made.partition(":")[0], "key": made})
    else:
        print_line(made)
