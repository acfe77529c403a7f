"""A queue in which each user waits for the other users' next items only, not for all they have."""

from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items of users, taken from one user after the other; those of one user keep their order."""

    def __init__(self) -> None:
        # The first user is the next one whose item is taken.
        self._users: dict[str | None, dict[Item, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._users.values()))

    def put(self, user: str | None, item: Item) -> None:
        """Add an item after the others of its user."""
        self._users.setdefault(user, {})[item] = None

    def take(self) -> Item | None:
        """Remove and return the next item; the others of its user have their turn last."""
        for user, items in self._users.items():
            del self._users[user]
            item = next(iter(items))
            del items[item]
            if items:
                self._users[user] = items
            return item
        return None

    def remove(self, user: str | None, item: Item) -> bool:
        """Remove an item, and return whether it was there."""
        items = self._users.get(user, {})
        if item not in items:
            return False
        del items[item]
        if not items:
            del self._users[user]
        return True

    def take_all(self) -> list[Item]:
        """Remove and return every item, in the order in which they would have been taken."""
        taken = []
        while (item := self.take()) is not None:
            taken.append(item)
        return taken
