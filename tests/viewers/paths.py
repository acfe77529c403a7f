"""The REST API's part of the table: each method of each path."""

from typing import Any

from tests.support.rows import file_key
from tests.viewers.table import COMMENTS, EVENTS, PEOPLE, TICKETS, Path, one, seen


def rest(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the cells of a read as this API answers: what is not there is 404."""
    return (*(404 if cell == "" else cell for cell in cells[:4]), 401)


def listed(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the cells of a list: an empty one is none the less an answer."""
    return (*cells[:4], 401)


ADMINS = (200, 403, 403, 403, 401)
NEW = (201, 403, 403, 403, 401)
STAFF = (200, 200, 403, 404, 401)
COMPANYS = (200, 200, 200, 404, 401)
HIDDEN = (200, 200, 404, 404, 401)
GONE = (204, 204, 403, 404, 401)
OPEN = (200, 200, 200, 200, 200)

TICKET = {"subject": "S", "description": "D", "company": "<hilton>"}
COMPANY = {"name": "New"}
COMMENT = {"ticket": "<offline>", "text": "T"}
CONTACT = {"name": "New", "company": "<hilton>"}
USER = {"username": "new", "password": "long enough", "role": "Tech"}
CARLA = USER | {"role": "Customer", "company": "<hilton>"}

PATHS = [
    Path("GET", "/api/v1/", (200, 200, 200, 200, 401)),
    Path("GET", "tickets/", listed(TICKETS)),
    Path("GET", "tickets/?company=<hilton>", (*["offline volume"] * 3, 400, 401)),
    Path("GET", "tickets/?company=<centara>", ("bill", "bill", 400, "bill", 401)),
    Path("GET", "tickets/?assigned_to=<keith>", listed(seen("offline", "offline", ""))),
    Path("GET", "tickets/?assigned_to=<admin>", listed(seen("", "", ""))),
    Path("GET", "tickets/?search=ourselves", listed(seen("", "", ""))),
    Path("GET", "tickets/?search=subject&ordering=priority", listed(TICKETS)),
    Path("GET", "tickets/stats/", (3, 3, 2, 1, 401)),
    Path("GET", "tickets/<offline>/", rest(one("offline"))),
    Path("GET", "tickets/<bill>/", rest(one("bill"))),
    Path("GET", "tickets/<nothing>/", (404, 404, 404, 404, 401)),
    Path("POST", "tickets/", (201, 201, 201, 400, 401), TICKET),
    Path("POST", "tickets/", (400, 400, 400, 400, 401), TICKET | {"contact": "<jane>"}),
    Path("POST", "tickets/", (201, 201, 403, 403, 401), TICKET | {"assigned_to": "<keith>"}),
    Path("PUT", "tickets/<offline>/", STAFF, TICKET),
    Path("PATCH", "tickets/<offline>/", STAFF, {"subject": "S"}),
    Path("PATCH", "tickets/<volume>/", COMPANYS, {"subject": "S"}),
    Path("PATCH", "tickets/<volume>/", STAFF, {"status": "closed"}),
    Path("PATCH", "tickets/<volume>/", (400, 400, 400, 404, 401), {"contact": "<jane>"}),
    Path("DELETE", "tickets/<volume>/", GONE),
    Path("POST", "tickets/<offline>/add_comment/", (201, 201, 201, 404, 401), {"text": "T"}),
    Path(
        "POST",
        "tickets/<offline>/add_comment/",
        (201, 201, 403, 404, 401),
        {"text": "T", "is_internal": True},
    ),
    Path("POST", "tickets/<volume>/assign/", STAFF, {"user_id": "<keith>"}),
    Path("GET", "ticket-comments/", listed(COMMENTS)),
    Path("GET", "ticket-comments/?ticket=<volume>", listed(seen("own note", "own", ""))),
    Path("GET", "ticket-comments/?is_internal=true&search=ourselves", listed(COMMENTS)),
    Path("GET", "ticket-comments/<public>/", rest(one("public"))),
    Path("GET", "ticket-comments/<internal>/", rest(one("internal"))),
    Path("POST", "ticket-comments/", (201, 201, 201, 400, 401), COMMENT),
    Path("PUT", "ticket-comments/<own>/", COMPANYS, {"ticket": "<volume>", "text": "T"}),
    Path("PATCH", "ticket-comments/<own>/", COMPANYS, {"text": "T"}),
    Path("PATCH", "ticket-comments/<own>/", STAFF, {"is_internal": True}),
    Path("PATCH", "ticket-comments/<public>/", STAFF, {"text": "T"}),
    Path("PATCH", "ticket-comments/<note>/", HIDDEN, {"text": "T"}),
    Path("DELETE", "ticket-comments/<own>/", (204, 204, 204, 404, 401)),
    Path("DELETE", "ticket-comments/<public>/", GONE),
    Path("DELETE", "ticket-comments/<internal>/", (204, 204, 404, 404, 401)),
    Path("GET", "ticket-attachments/", listed(seen("photo scan receipt", "photo scan", "receipt"))),
    Path("GET", "ticket-attachments/?ticket=<bill>", listed(seen("receipt", "", "receipt"))),
    Path("GET", "ticket-attachments/<photo>/", rest(one("photo"))),
    Path(
        "POST",
        "ticket-attachments/",
        (201, 201, 201, 404, 401),
        {"ticket": "<offline>"},
        file=True,
    ),
    Path("PUT", "ticket-attachments/<scan>/", COMPANYS, {"name": "new"}),
    Path("PATCH", "ticket-attachments/<photo>/", STAFF, {"name": "new"}),
    Path("DELETE", "ticket-attachments/<scan>/", (204, 204, 204, 404, 401)),
    Path("DELETE", "ticket-attachments/<photo>/", GONE),
    Path("GET", "ticket-events/", listed(EVENTS)),
    Path("GET", "ticket-events/?after=&limit=100", listed(EVENTS)),
    Path(
        "GET",
        "ticket-events/?ticket=<offline>",
        listed(seen("opened said whispered", "opened said", "")),
    ),
    Path("GET", "ticket-events/?type=deleted", listed(seen("erased wiped", "erased", "wiped"))),
    Path("POST", "ticket-events/<whispered>/undo/", HIDDEN),
    Path("POST", "ticket-events/<opened>/undo/", (409, 409, 409, 404, 401)),
    Path("GET", "users/", listed(PEOPLE)),
    Path("GET", "users/<olga>/", rest(one("olga"))),
    Path("GET", "users/<keith>/", ("keith", "keith", "keith", 404, 401)),
    Path("GET", "users/<admin>/", ("admin", "admin", 404, 404, 401)),
    Path("GET", "users/?search=admin@desk", listed(("admin", "", "", "", 401))),
    Path("POST", "users/", NEW, USER),
    Path("PUT", "users/<carla>/", ADMINS, CARLA),
    Path("PATCH", "users/<keith>/", ADMINS, {"role": "Admin"}),
    Path("GET", "companies/", listed(seen("hilton centara", "hilton", "centara"))),
    Path("GET", "companies/simple/", listed(seen("hilton centara", "hilton", "centara"))),
    Path("GET", "companies/<hilton>/", rest(one("hilton"))),
    Path("POST", "companies/", NEW, COMPANY),
    Path("PUT", "companies/<hilton>/", ADMINS, COMPANY),
    Path("PATCH", "companies/<hilton>/", ADMINS, COMPANY),
    Path("GET", "contacts/", listed(seen("john jane", "john", "jane"))),
    Path("GET", "contacts/?company=<hilton>", ("john", "john", "john", 400, 401)),
    Path("GET", "contacts/<jane>/", rest(one("jane"))),
    Path("POST", "contacts/", NEW, CONTACT),
    Path("PUT", "contacts/<john>/", ADMINS, CONTACT),
    Path("PATCH", "contacts/<john>/", ADMINS, COMPANY),
    Path("POST", "auth/login/", (400,) * 5, {"username": "keith", "password": "wrong"}),
    Path("POST", "auth/refresh/", (401,) * 5, {"refresh": "garbage"}),
    Path("POST", "auth/logout/", OPEN, {"refresh": "garbage"}),
    Path("GET", "auth/me/", ("admin", "keith", "carla", "olga", 401)),
    Path("POST", "jwt/token/", (401,) * 5, {"username": "keith", "password": "wrong"}),
    Path("POST", "jwt/token/refresh/", (401,) * 5, {"refresh": "garbage"}),
    Path("POST", "jwt/token/verify/", (401,) * 5, {"token": "garbage"}),
    Path("GET", f"/media/{file_key('photo')}", (200, 200, 200, 404, 401)),
    Path("GET", f"/media/{file_key('receipt')}", (200, 200, 404, 200, 401)),
    Path("GET", "/media/tickets/attachments/nothing", (404, 404, 404, 404, 401)),
]  # fmt: skip
# Succeeds and yet changes nothing: there is nothing to log out of.
IDLE = "auth/logout/"
