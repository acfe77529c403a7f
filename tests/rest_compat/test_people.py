"""Users, companies and contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.rest_compat.conftest import Api

pytestmark = pytest.mark.anyio

STAFF = ["gone", "keith", "norbert"]


async def column(api: Api, path: str, name: str, who: str = "norbert") -> list[Any]:
    response = await api.get(path, who)
    assert response.status_code == 200, response.text
    return [row[name] for row in response.json()["results"]]


async def test_users(api: Api) -> None:
    assert await column(api, "users/", "username") == ["olga", "carla", *STAFF]
    assert await column(api, "users/?role=Customer", "username") == ["olga", "carla"]
    assert await column(api, "users/?is_active=false", "username") == ["gone"]
    assert await column(api, "users/?is_active=True&search=KEI", "username") == ["keith"]
    assert await column(api, "users/?is_active=maybe&role=Sales", "username") == ["gone"]
    assert await column(api, "users/?ordering=date_joined&limit=1", "username") == ["norbert"]
    assert (await api.get("users/?role=Boss")).json() == {
        "role": ["Select a valid choice. Boss is not one of the available choices."]
    }


async def test_only_admins_see_how_to_reach_others(api: Api) -> None:
    rows = {row["username"]: row for row in (await api.get("users/")).json()["results"]}

    assert "email" in rows["keith"]
    assert "phone" in rows["keith"]
    assert not {"email", "phone"} & set(rows["norbert"])
    assert "password" not in rows["keith"]
    assert (await api.get(f"users/{api.key('keith')}/", "norbert")).json()["phone"] == "+2"
    assert await column(api, "users/", "username", "carla") == ["carla"]


async def test_companies(api: Api) -> None:
    assert await column(api, "companies/", "name") == ["Centara", "Hilton"]
    assert await column(api, "companies/?ordering=-name", "name") == ["Hilton", "Centara"]
    assert await column(api, "companies/?country=Thailand", "name") == ["Hilton"]
    assert await column(api, "companies/?is_active=0", "name") == ["Centara"]
    assert await column(api, "companies/?search=thai", "name") == ["Hilton"]
    assert await column(api, "companies/?industry=None", "name") == []
    assert await column(api, "companies/", "name", "carla") == ["Hilton"]
    simple = (await api.get("companies/simple/")).json()
    assert simple[1] == {
        "id": str(api.key("hilton")),
        "name": "Hilton",
        "country": "Thailand",
        "is_active": True,
    }
    assert len((await api.get("companies/simple/?is_active=true")).json()) == 1


async def test_contacts(api: Api) -> None:
    assert await column(api, f"contacts/?company={api.key('hilton')}", "name") == ["John Smith"]
    assert await column(api, f"contacts/?company={api.key('centara')}", "name") == []
    assert await column(api, "contacts/?search=hilton&is_primary=1", "name") == ["John Smith"]
    assert await column(api, "contacts/?contact_type=Other", "company_name") == ["Hilton"]
    assert await column(api, "contacts/", "name", "olga") == []
    row = (await api.get(f"contacts/{api.key('john')}/")).json()
    assert " ".join(row) == (
        "id company company_name name email phone title department contact_type is_primary "
        "is_active linkedin_url notes last_contacted created_at updated_at"
    )


async def test_admins_create_and_change(api: Api) -> None:
    company = await api.post("companies/", "norbert", json={"name": "New", "is_active": "true"})
    assert company.status_code == 201
    company_id = company.json()["id"]
    sent = {"company": company_id, "name": "Ann", "last_contacted": "2025-11-01T00:00:00Z"}
    contact = await api.post("contacts/", "norbert", json=sent)
    assert contact.status_code == 201
    assert contact.json()["company_name"] == "New"
    login = {"username": "ann", "password": "long enough"}
    sent = login | {"role": "Customer", "company": company_id}
    user = await api.post("users/", "norbert", json=sent)
    assert user.status_code == 201
    assert (await api.post("auth/login/", None, json=login)).status_code == 200

    path = f"users/{user.json()['id']}/"
    off = await api.patch(path, "norbert", json={"is_active": False})
    assert off.json()["is_active"] is False
    assert (await api.post("auth/login/", None, json=login)).status_code == 400
    whole = {"name": "Newer"}
    changed = await api.put(f"companies/{company_id}/", "norbert", json=whole)
    assert changed.json()["name"] == "Newer"
    contact_path = f"contacts/{contact.json()['id']}/"
    assert (await api.patch(contact_path, "norbert", json={"phone": 5})).json()["phone"] == "5"


@pytest.mark.parametrize("who", ["keith", "carla"])
async def test_nobody_else_does(api: Api, who: str) -> None:
    before = await api.everything()
    for what, name in [("users", "keith"), ("companies", "hilton"), ("contacts", "john")]:
        for method, path in [("POST", f"{what}/"), ("PATCH", f"{what}/{api.key(name)}/")]:
            response = await api.call(method, path, who, json={"name": "x"})
            assert response.status_code == 403
            assert response.json()["detail"].startswith("Only Admins may ")
    assert await api.everything() == before


async def test_what_is_wrong_with_a_user(api: Api) -> None:
    before = await api.everything()
    sent: dict[str, Any] = {"username": "keith", "password": "short", "role": "Boss"}
    response = await api.post("users/", "norbert", json=sent)
    assert response.json() == {
        "username": ["A user with that username already exists."],
        "password": ["Ensure this field has at least 8 characters."],
        "role": ['"Boss" is not a valid choice.'],
    }
    sent = {"username": "x", "password": "long enough", "role": "Tech"}
    response = await api.post("users/", "norbert", json=sent | {"company": str(api.key("hilton"))})
    assert response.json() == {"company": ["Only customers belong to a company."]}
    assert await api.everything() == before
