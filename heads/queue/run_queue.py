"""The heads of one `medusa fit-head`: each is trained, and every failure is named at the end."""

from collections.abc import Iterator, Sequence

from medusa.console import say
from medusa.errors import MedusaError
from medusa.heads.queue.options import QueueOptions, head_specs
from medusa.heads.queue.result_line import result_line
from medusa.heads.queue.train_all import train_all
from medusa.heads.queue.train_one import train_one
from medusa.heads.queue.variants import Variant


def run_all(options: QueueOptions, name: str | None, heads: Sequence[Variant]) -> Iterator[str]:
    """Train each head, and yield a line about it as soon as it is finished.

    Args:
        options: what all heads share.
        name: the beginning of their names.
        heads: the overrides of each.

    Raises:
        MedusaError: some heads failed; it is raised after the last head. A single head raises its
            own error.
    """
    workspace, specs = options.workspace, head_specs(options, name, heads)
    if len(specs) == 1:
        yield result_line(workspace, train_one(workspace, specs[0], options.devices[0]))
        return
    failures = []
    for result in train_all(workspace, specs, options.devices, options.jobs):
        if result.problem:
            failures.append(f"{result.spec.title}: {result.problem}")
            say(failures[-1])
        else:
            yield result_line(workspace, result)
    if failures:
        raise MedusaError(
            "\n  ".join([f"{len(failures)} of {len(heads)} heads were not trained:", *failures])
        )
