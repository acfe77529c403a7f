"""Windows onto lists, in both styles that REST has, and the links to the windows beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from rest_compat.http.responses import RestError

PAGE_SIZE = 20
MAX_ROWS = 1000
# The largest number that the databases take as an offset.
MAX_PAGE = 2**31 - 1


def invalid_page() -> RestError:
    """Return the recorded refusal of a page outside of the list."""
    return RestError(404, {"detail": "Invalid page."})


@dataclass(frozen=True)
class Window:
    """The rows wanted. ``page`` is set in the page style; 0 is the last page of any list."""

    limit: int
    offset: int
    page: int | None = None

    @property
    def bounded_offset(self) -> int:
        """The offset for the database: no list has as many rows as clients can write digits."""
        return min(self.offset, MAX_PAGE)

    def on_last_page(self, count: int) -> "Window":
        """Return the window with the number of the last page, now that the count is known."""
        return page_window(_pages(count, self.limit), self.limit)

    def links(self, url: str, query: str, count: int) -> tuple[str | None, str | None]:
        """Return the addresses of the next and the previous window, which have the same size.

        They keep the other parameters, in alphabetical order (recorded), but for those of the style
        that was not asked for, which would count in an address without ``page``. Raises
        ``RestError`` where the page is past the last one.
        """
        if self.page is None:
            return self._offset_links(url, query, count)
        if self.page > _pages(count, self.limit):
            raise invalid_page()
        more = self.page * self.limit < count
        params: dict[str, int | None] = {"limit": None, "offset": None}
        following = _link(url, query, **params, page=self.page + 1) if more else None
        if self.page == 1:
            return following, None
        # The first page is the list's own address.
        before = self.page - 1 if self.page > 2 else None
        return following, _link(url, query, **params, page=before)

    def _offset_links(self, url: str, query: str, count: int) -> tuple[str | None, str | None]:
        following = previous = None
        if self.offset + self.limit < count:
            following = _link(url, query, limit=self.limit, offset=self.offset + self.limit)
        if self.offset > 0:
            before = self.offset - self.limit
            previous = _link(url, query, limit=self.limit, offset=before if before > 0 else None)
        return following, previous


def window_of(params: Mapping[str, str]) -> Window:
    """Return the window that parameters ask for: ``limit/offset`` unless there is a ``page``.

    Sizes that are no number are as if they were not given. Raises ``RestError`` for a page that
    no list has. (The old system's front end also sent ``limit`` along with ``page``, and got
    pages.)
    """
    if "page" not in params and ("limit" in params or "offset" in params):
        limit = _number(params.get("limit", ""), 1, PAGE_SIZE)
        return Window(min(limit, MAX_ROWS), _number(params.get("offset", ""), 0, 0))
    size = min(_number(params.get("page_size", ""), 1, PAGE_SIZE), MAX_ROWS)
    page = params.get("page") or "1"
    if page == "last":
        return Window(size, 0, page=0)
    number = _number(page, 1, 0)
    if not number:
        raise invalid_page()
    return page_window(number, size)


def page_window(page: int, size: int) -> Window:
    """Return the window of a page."""
    return Window(size, (page - 1) * size, page)


def _number(text: str, least: int, default: int) -> int:
    try:
        number = int(text)
    except ValueError:
        return default
    return number if number >= least else default


def _pages(count: int, size: int) -> int:
    return max(1, -(-count // size))


def _link(url: str, query: str, **changes: int | None) -> str:
    params: dict[str, list[str]] = parse_qs(query, keep_blank_values=True)
    for name, value in changes.items():
        if value is None:
            params.pop(name, None)
        else:
            params[name] = [str(value)]
    kept = urlencode(sorted(params.items()), doseq=True)
    return f"{url}?{kept}" if kept else url
