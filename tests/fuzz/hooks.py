"""What Schemathesis has to know besides the API document: the rows there are, and leniencies.

The document says what clients should send. The server takes more, because clients of the old
system send more: numbers as text, booleans in many spellings, empty parameters. So that what is
really wrong has to be refused, the schemas are widened here to all that is taken. References are
most often to rows that exist.
"""

import json
import os
from typing import Any

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

from resolvers.http.idempotency_key import KEY_HEADER
from resolvers.units.idempotency import MAX_KEY_LENGTH
from rest_compat.serializers.request_fields import FALSE, TRUE

Json = dict[str, Any]
# The ids of rows by the name of the field that refers to them, and keys of files.
ROWS: dict[str, list[str]] = json.loads(os.environ["DESKGRAPH_FUZZ_ROWS"])
ADMIN = os.environ["DESKGRAPH_FUZZ_ADMIN"]
SPELLINGS = sorted(str(spelling) for spelling in TRUE | FALSE)
# A row that is referred to may just have been deleted, a name is taken, a password is not known,
# and customers need a company that staff must not have. No schema can tell, so only these sentences
# may refuse what a schema takes.
NOT_IN_A_SCHEMA = (
    "object does not exist.",
    "That choice is not one of the available choices.",
    "A comment stays with its ticket.",
    "A user with that username already exists.",
    "Only customers belong to a company.",
    "Invalid credentials",
    "This password is too common.",
    "This is the last active Admin: make somebody else one first.",
    # Of other schemes than the web's.
    "Enter a valid URL.",
    "The cursor is not one of this server's.",
)
NOT_OF_A_FIELD = {("company", "This field is required.")}


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: Json) -> None:
    """Widen the document to all that is taken."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                _parameter(parameter)
            if body := operation.get("requestBody"):
                [content] = body["content"].values()
                name = content["schema"]["$ref"].rsplit("/", 1)[-1]
                # What may leave out every field may be left out itself.
                body["required"] = "required" in raw_schema["components"]["schemas"][name]
    for name, schema in raw_schema["components"]["schemas"].items():
        if name.startswith("Logout"):
            # It says the same whatever it is sent: there is nothing to revoke.
            schema["properties"] = {}
        elif "Input" in name or "Changes" in name:
            for field, part in schema["properties"].items():
                schema["properties"][field] = _taken(field, part)


def _parameter(parameter: Json) -> None:
    name, schema = parameter["name"], parameter["schema"]
    if name in ROWS:
        schema = _row(name, [])
        parameter.pop("example", None)
    if name == KEY_HEADER:
        # Any character of ASCII that can be printed; the document leaves out what needs quoting.
        schema = {"type": "string", "pattern": f"^[!-~]([ -~]{{0,{MAX_KEY_LENGTH - 2}}}[!-~])?$"}
    if parameter["in"] == "query":
        # An empty parameter does not filter. Sizes that are none, orders that are none, and
        # spellings of a switch that is not "true" are as if they had not been given.
        choice = "enum" in schema and schema["enum"] != ["true"]
        strict = name in ROWS or choice or schema.get("format") == "uuid"
        schema = {"anyOf": [schema, {"const": ""}]} if strict else {"type": "string"}
    parameter["schema"] = schema


def _row(name: str, others: list[object]) -> Json:
    """Return the schema of an id: most often of a row that exists, or one of other values."""
    if name == "key":
        return {"enum": ROWS[name]}
    return {"anyOf": [{"enum": [*ROWS[name], *others]}, {"type": "string", "format": "uuid"}]}


def _taken(name: str, schema: Json) -> Json:
    """Return the schema of all that a field of a body takes."""
    if name == "user_id":
        # Whatever is empty unassigns.
        return _row(name, [None, "", False, 0, [], {}])
    if name in ROWS:
        return _row(name, [] if "anyOf" not in schema else ["", None])
    if name in ("refresh", "token"):
        # Any other text is no token, and refused anyway.
        return schema
    if schema.get("type") == "boolean":
        return {"enum": [True, False, 0, 1, *SPELLINGS]}
    plain = "enum" not in schema and schema.get("format") != "binary"
    if schema.get("type") == "string" and plain:
        return {**schema, "type": ["string", "number"]}
    return schema


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leave the Admin who asks alone: once deactivated, every answer would be 401."""
    asked = (case.path_parameters or {}).get("id")
    return case.method.upper() not in ("PUT", "PATCH") or asked != ADMIN


@schemathesis.hook
def filter_failure(
    _context: Any, failure: Exception, case: Any, response: requests.Response
) -> bool:
    """Drop refusals of what the schema takes, and answers to what it refuses, where it cannot tell.

    Texts are trimmed before they are measured, as are keys, which may also be quoted.
    """
    key = (case.headers or {}).get(KEY_HEADER, "")
    if isinstance(failure, AcceptedNegativeData):
        texts = list(case.body.values()) if isinstance(case.body, dict) else []
        is_trimmed = any(isinstance(t, str) and t != t.strip() for t in (key, *texts))
        return not (is_trimmed or key.startswith('"'))
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    refused = response.json()
    # A header may be sent empty, or as no tag, whatever the pattern of its schema.
    if refused == {"detail": "If-Match must be * or a list of entity tags."} or key == '""':
        return False
    return not all(
        _no_schema_tells(name, str(text), case)
        for name, texts in refused.items()
        for text in ([texts] if isinstance(texts, str) else texts)
    )


def _no_schema_tells(name: str, text: str, case: Any) -> bool:
    if text.endswith(NOT_IN_A_SCHEMA) or (name, text) in NOT_OF_A_FIELD:
        return True
    sent = case.body.get(name) if isinstance(case.body, dict) else None
    if isinstance(sent, str):
        # Space is trimmed, and names of files have no characters of control.
        is_blank = not any(one.isprintable() and not one.isspace() for one in sent)
        return is_blank and text == "This field may not be blank."
    # How long a number is as text.
    return isinstance(sent, int | float) and text.startswith("Ensure this field has ")
