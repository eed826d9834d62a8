"""Tasks of several batches, and the smaller tasks in place of one whose worker was lost."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from medusa.distributed.pieces import Share
from medusa.distributed.ray_workers import LOST, MOST_LOSSES, on_workers

TASKS_A_WORKER = 8  # many tasks end at the same time, and few leave large shards
WHY = f"{LOST}; is the file damaged, or is there too little memory?"
Item = TypeVar("Item")


class BatchTasks(Generic[Item]):
    """The tasks of a cluster, each a list of batches of items.

    If a worker is lost, the missing batches of its task are done one by one. If a batch loses a
    second worker, its items are done one by one. An item that alone loses two workers is set aside.

    Args:
        lacking: returns those of some batches that are not done.
        name: returns the name of an item, which no other item has.

    Attributes:
        aside: the items that were set aside.
    """

    def __init__(
        self,
        lacking: Callable[[list[list[Item]]], list[list[Item]]],
        name: Callable[[Item], str],
    ) -> None:
        self.lacking, self.name = lacking, name
        self.aside: list[Item] = []
        self.lost: Counter[str] = Counter()  # the name of a batch -> how often its worker was lost

    def run(
        self,
        batches: Sequence[list[Item]],
        costs: Sequence[float],
        address: str,
        count: int,
        worker: type,
        arguments: Sequence[object],
    ) -> Iterator[Any]:
        """Yield the results of all tasks, which have nearly the same cost.

        Args:
            batches, costs: the batches, and the cost of each.
            address, count, worker, arguments: the arguments of `on_workers`.
        """
        number = count * TASKS_A_WORKER
        shares = [Share(one, number).choose(costs) for one in range(number)]
        tasks = [[batches[one] for one in share] for share in shares if share]
        yield from on_workers(address, count, worker, arguments, tasks, self.smaller)

    def smaller(self, task: list[list[Item]]) -> list[list[list[Item]]]:
        """Return the tasks in place of one whose worker was lost, and set single items aside."""
        tasks = list[list[list[Item]]]()
        for batch in self.lacking(task):
            name = " ".join(map(self.name, batch))
            self.lost[name] += 1
            if self.lost[name] < MOST_LOSSES or len(task) > 1:
                tasks.append([batch])
            elif len(batch) > 1:
                tasks += [[[one]] for one in batch]
            else:
                self.aside += batch
        return tasks
