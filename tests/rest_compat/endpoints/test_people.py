"""Users, companies and contacts."""

from typing import Any

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

STAFF = ["gone", "keith", "admin"]


async def column(api: RestClient, path: str, name: str, who: str = "admin") -> list[Any]:
    response = await api.get(path, who)
    assert response.status_code == 200, response.text
    return [row[name] for row in response.json()["results"]]


async def test_users(api: RestClient) -> None:
    assert await column(api, "users/", "username") == ["olga", "colin", "carla", *STAFF]
    assert await column(api, "users/?role=Customer", "username") == ["olga", "colin", "carla"]
    assert await column(api, "users/?is_active=false", "username") == ["gone"]
    assert await column(api, "users/?is_active=True&search=KEI", "username") == ["keith"]
    assert await column(api, "users/?is_active=maybe&role=Sales", "username") == ["gone"]
    assert await column(api, "users/?ordering=date_joined&limit=1", "username") == ["admin"]
    assert (await api.get("users/?role=Boss")).json() == {
        "role": ["Select a valid choice. Boss is not one of the available choices."]
    }


async def test_only_admins_see_how_to_reach_others(api: RestClient) -> None:
    rows = {row["username"]: row for row in (await api.get("users/")).json()["results"]}

    assert "email" in rows["keith"]
    assert "phone" in rows["keith"]
    assert not {"email", "phone"} & set(rows["admin"])
    assert "password" not in rows["keith"]
    assert (await api.get(f"users/{key('keith')}/", "admin")).json()["phone"] == "+2"
    assert await column(api, "users/", "username", "carla") == ["colin", "carla"]


async def test_companies(api: RestClient) -> None:
    assert await column(api, "companies/", "name") == ["Centara", "Hilton"]
    assert await column(api, "companies/?ordering=-name", "name") == ["Hilton", "Centara"]
    assert await column(api, "companies/?country=Thailand", "name") == ["Hilton"]
    assert await column(api, "companies/?is_active=0", "name") == ["Centara"]
    assert await column(api, "companies/?search=thai", "name") == ["Hilton"]
    assert await column(api, "companies/?industry=None", "name") == []
    assert await column(api, "companies/", "name", "carla") == ["Hilton"]
    simple = (await api.get("companies/simple/")).json()
    assert simple[1] == {
        "id": str(key("hilton")),
        "name": "Hilton",
        "country": "Thailand",
        "is_active": True,
    }
    assert len((await api.get("companies/simple/?is_active=true")).json()) == 1


async def test_contacts(api: RestClient) -> None:
    assert await column(api, f"contacts/?company={key('hilton')}", "name") == ["John Smith"]
    assert await column(api, f"contacts/?company={key('centara')}", "name") == ["Jane Doe"]
    assert await column(api, "contacts/?search=hilton&is_primary=1", "name") == ["John Smith"]
    assert await column(api, "contacts/?contact_type=Other", "company_name") == [
        "Centara",
        "Hilton",
    ]
    assert await column(api, "contacts/", "name", "carla") == ["John Smith"]
    # Customers of a company that is deactivated are out.
    assert (await api.get("contacts/", "olga")).status_code == 401
    row = (await api.get(f"contacts/{key('john')}/")).json()
    assert " ".join(row) == (
        "id company company_name name email phone title department contact_type is_primary "
        "is_active linkedin_url notes last_contacted created_at updated_at"
    )


async def test_admins_create_and_change(api: RestClient) -> None:
    company = await api.post("companies/", "admin", json={"name": "New", "is_active": "true"})
    assert company.status_code == 201
    company_id = company.json()["id"]
    sent = {"company": company_id, "name": "Ann", "last_contacted": "2025-11-01T00:00:00Z"}
    contact = await api.post("contacts/", "admin", json=sent)
    assert contact.status_code == 201
    assert contact.json()["company_name"] == "New"
    login = {"username": "ann", "password": "long enough"}
    sent = login | {"role": "Customer", "company": company_id}
    user = await api.post("users/", "admin", json=sent)
    assert user.status_code == 201
    assert (await api.post("auth/login/", None, json=login)).status_code == 200

    path = f"users/{user.json()['id']}/"
    off = await api.patch(path, "admin", json={"is_active": False})
    assert off.json()["is_active"] is False
    assert (await api.post("auth/login/", None, json=login)).status_code == 400
    whole = {"name": "Newer"}
    changed = await api.put(f"companies/{company_id}/", "admin", json=whole)
    assert changed.json()["name"] == "Newer"
    contact_path = f"contacts/{contact.json()['id']}/"
    assert (await api.patch(contact_path, "admin", json={"phone": 5})).json()["phone"] == "5"


@pytest.mark.parametrize("who", ["keith", "carla"])
async def test_nobody_else_does(api: RestClient, who: str) -> None:
    before = await api.everything()
    for what, name in [("users", "keith"), ("companies", "hilton"), ("contacts", "john")]:
        for method, path in [("POST", f"{what}/"), ("PATCH", f"{what}/{key(name)}/")]:
            response = await api.call(method, path, who, json={"name": "x"})
            assert response.status_code == 403
            assert response.json()["detail"].startswith("Only Admins may ")
    assert await api.everything() == before


async def test_what_is_wrong_with_a_user(api: RestClient) -> None:
    before = await api.everything()
    sent: dict[str, Any] = {"username": "keith", "password": "short", "role": "Boss"}
    response = await api.post("users/", "admin", json=sent)
    assert response.json() == {
        "username": ["A user with that username already exists."],
        "password": ["Ensure this field has at least 10 characters."],
        "role": ['"Boss" is not a valid choice.'],
    }
    sent = {"username": "x", "password": "long enough", "role": "Tech"}
    response = await api.post("users/", "admin", json=sent | {"company": str(key("hilton"))})
    assert response.json() == {"company": ["Only customers belong to a company."]}
    assert await api.everything() == before


async def furnish(api: RestClient) -> None:
    """Put a word of its own into every field of one company, contact and user."""
    sent: dict[str, Any] = {
        "companies/hilton": {
            "website": "https://webword.example",
            "notes": "noteword",
            "city": "cityword",
            "industry": "Hotels",
        },
        "contacts/john": {
            "phone": "555-phone",
            "title": "titleword",
            "department": "deptword",
            "contact_type": "Primary",
        },
        "users/keith": {"first_name": "firstword", "last_name": "lastword", "phone": "55-12"},
    }
    for where, values in sent.items():
        what, name = where.split("/")
        response = await api.patch(f"{what}/{key(name)}/", "admin", json=values)
        assert response.status_code == 200, response.text


SEARCHES = [
    ("companies/", "hilt thai webword noteword", "cityword hotels", "Hilton"),
    ("contacts/", "smith hilton.example 555-phone titleword hilt", "deptword", "John Smith"),
    ("users/", "keith keith@desk firstword lastword", "55-12 tech", "keith"),
]


async def test_where_a_search_looks(api: RestClient) -> None:
    await furnish(api)
    for path, found, not_found, name in SEARCHES:
        key = "username" if path == "users/" else "name"
        for word in found.split():
            assert await column(api, f"{path}?search={word}", key) == [name], word
            assert await column(api, f"{path}?search={word.upper()}", key) == [name], word
        for word in not_found.split():
            assert await column(api, f"{path}?search={word}", key) == [], word


async def test_a_search_tells_nobody_what_they_cannot_read(api: RestClient) -> None:
    await furnish(api)
    assert (await api.get("companies/?search=noteword", "carla")).json()["count"] == 0
    for who, found in (("admin", ["admin"]), ("keith", []), ("carla", [])):
        assert await column(api, "users/?search=admin@desk", "username", who) == found
        # Everybody is shown their own.
        assert await column(api, f"users/?search={who}@desk", "username", who) == [who]


FILTERS = [
    ("companies/?industry=Hotels", 1),
    ("companies/?industry=hotels", 0),
    ("companies/?country=Thailand&is_active=true", 1),
    ("companies/?country=Thailand&is_active=false", 0),
    ("contacts/?contact_type=Primary", 1),
    ("contacts/?contact_type=primary", 0),
    ("contacts/?is_primary=true&is_active=1", 1),
    ("contacts/?is_primary=False", 1),
    ("contacts/?is_active=0", 0),
    ("contacts/?is_active=unknown", 2),
    ("users/?role=Tech&is_active=true", 1),
    ("users/?role=Tech&is_active=false", 0),
    ("users/?role=", 6),
    ("users/?page_size=2&page=3", 6),
]


async def test_filters_combine(api: RestClient) -> None:
    await furnish(api)
    for path, count in FILTERS:
        response = await api.get(path)
        assert (response.status_code, response.json()["count"]) == (200, count), path
    for path in ("users/?page=2", "companies/?page=x", "contacts/?page=0"):
        response = await api.get(path)
        assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


REQUIRED = ["This field is required."]
NULL = ["This field may not be null."]
WRONG: list[tuple[str, str, dict[str, Any], dict[str, list[str]]]] = [
    ("POST", "companies/", {}, {"name": REQUIRED}),
    ("POST", "contacts/", {}, {"company": REQUIRED, "name": REQUIRED}),
    ("POST", "users/", {}, dict.fromkeys(("username", "password", "role"), REQUIRED)),
    ("PUT", "companies/{hilton}/", {"city": "x"}, {"name": REQUIRED}),
    ("PUT", "contacts/{john}/", {"name": "x"}, {"company": REQUIRED}),
    ("PATCH", "companies/{hilton}/", {"notes": None}, {"notes": NULL}),
    ("PATCH", "companies/{hilton}/", {"is_active": None}, {"is_active": NULL}),
    (
        "PATCH",
        "companies/{hilton}/",
        {"is_active": "maybe"},
        {"is_active": ["Must be a valid boolean."]},
    ),
    ("PATCH", "contacts/{john}/", {"company": None}, {"company": NULL}),
    (
        "PATCH",
        "contacts/{john}/",
        {"company": "99999999-0000-4000-8000-000000000000"},
        {"company": ['Invalid pk "99999999-0000-4000-8000-000000000000" - object does not exist.']},
    ),
    ("PATCH", "contacts/{john}/", {"name": " "}, {"name": ["This field may not be blank."]}),
    (
        "PATCH",
        "contacts/{john}/",
        {"phone": "5" * 21},
        {"phone": ["Ensure this field has no more than 20 characters."]},
    ),
    ("PATCH", "users/{keith}/", {"username": [1]}, {"username": ["Not a valid string."]}),
    ("PATCH", "users/{keith}/", {"role": "tech"}, {"role": ['"tech" is not a valid choice.']}),
]


async def test_what_is_wrong_with_people(api: RestClient) -> None:
    keys = {name: key(name) for name in ("hilton", "john", "keith")}
    for method, path, sent, answer in WRONG:
        await api.refuses(method, path.format(**keys), sent, 400, answer, "admin")


async def test_people_by_forms(api: RestClient) -> None:
    path = f"companies/{key('hilton')}/"
    for sent in ({"data": {"city": " Bonn "}}, {"files": {"city": (None, " Bonn ")}}):
        response = await api.patch(path, "admin", **sent)
        assert (response.status_code, response.json()["city"]) == (200, "Bonn")
        assert response.json()["is_active"] is True
        assert (await api.patch(path, "admin", data={"city": ""})).json()["city"] == ""
    off = await api.put(path, "admin", data={"name": "Hilton", "is_active": "off"})
    assert off.json()["is_active"] is False
    path = f"contacts/{key('john')}/"
    response = await api.patch(path, "admin", data={"last_contacted": "2025-11-01T10:00"})
    assert response.json()["last_contacted"] == "2025-11-01T10:00:00Z"
    response = await api.patch(path, "admin", data={"last_contacted": ""})
    assert response.json()["last_contacted"] is None


async def test_read_only_and_unknown_fields_of_people_are_ignored(api: RestClient) -> None:
    sent = {"id": "x", "created_at": "x", "company_name": "x", "date_joined": 5, "more": {}}
    for what, name in (("companies", "hilton"), ("contacts", "john"), ("users", "keith")):
        path = f"{what}/{key(name)}/"
        before = (await api.get(path, "admin")).json()
        after = (await api.patch(path, "admin", json=sent)).json()
        assert after == before | {"updated_at": after.get("updated_at")} or after == before
