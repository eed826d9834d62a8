"""The condition of this machine and of a workspace: the function behind `medusa doctor`."""

from medusa.recipes.doctor import machine
from medusa.recipes.doctor.condition import Condition
from medusa.recipes.doctor.contents import all_contents
from medusa.workspace import Workspace


def diagnose(workspace: Workspace, hub: bool = False) -> list[Condition]:
    """Return the condition of every part, with an advice for each that is not good.

    The speed of the disk is measured with a file of 32 MB, which is removed.

    Args:
        workspace: its features decide which disk is measured.
        hub: whether to try the Hugging Face Hub. Nothing else uses the network.
    """
    return [
        machine.python(),
        machine.torch(),
        machine.decoder(),
        *machine.libraries(),
        machine.disk(workspace.features),
        *([machine.hub()] if hub else []),
        *all_contents(workspace),
    ]
