"""Settings from the environment and ``.env``: the only place that reads either."""

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from deskgraph.environment import unknown_names
from deskgraph.observability.log_lines import LogFormat
from deskgraph.observability.logs import LogLevel
from deskgraph.secret_files import SUFFIX, SecretFileError, values_from_files
from deskgraph.setting_values import days, header_names, metrics_of, moment, origin
from deskgraph.setting_values import public_url as public_url_of
from deskgraph.signing_keys import MIN_KEY_LENGTH, SigningKeyError, checked_key, kept_key

PREFIX = "DESKGRAPH_"
KEY_FILE = Path("var/secret.key")
# The settings that may hold a secret, and may be given by a file.
IN_FILES = (
    *("secret_key", "secret_key_old"),
    *("database_url", "listen_url", "replica_urls", "metrics"),
)
# In points a minute.
MAX_RATE_LIMIT = 10**9


class SettingsError(Exception):
    """A setting is missing or wrong; the text is a sentence for the person who set it."""


class Settings(BaseSettings):
    """What can be set; the README's table explains each."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", allow_inf_nan=False
    )

    database_url: str = "sqlite:///var/deskgraph.db"
    pgbouncer: Literal["off", "on"] = "off"
    # The same database without PgBouncer: for LISTEN, and for commands.
    listen_url: str | None = None
    replica_urls: Annotated[list[str], NoDecode] = Field(default_factory=list)
    files_url: str = "file://var/media"
    secret_key: SecretStr | None = None
    secret_key_old: SecretStr | None = None
    secret_key_old_until: AwareDatetime | None = None  # What it has signed is accepted until then.
    environment: Literal["development", "production"] = "development"
    public_url: str | None = None
    cors_origins: Annotated[list[str], NoDecode] = Field(default_factory=list)
    cors_headers: Annotated[list[str], NoDecode] = Field(default_factory=list)
    compression: Literal["off", "on"] = "off"
    media_links: Literal["path", "signed"] = "path"
    access_token_minutes: Annotated[int, Field(ge=1, le=525_600)] = 60
    refresh_token_days: Annotated[int, Field(ge=1, le=3650)] = 7
    max_upload_mb: Annotated[int, Field(ge=1, le=1_048_576)] = 25
    max_text_kb: Annotated[int, Field(ge=1, le=102_400)] = 1024
    operation_seconds: Annotated[float, Field(gt=0, le=86_400)] = 10
    # Of each process. A file, and as many again that wait to be refused, is open for each.
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 2000
    head_seconds: Annotated[float, Field(gt=0, le=86_400)] = 10
    body_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30
    # After a signal to stop: how long to go on accepting, and then how long requests may take.
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    shutdown_seconds: Annotated[int, Field(ge=1, le=86_400)] = 30
    # Each level nests a subquery, and neither the databases nor Python's stack take any number.
    max_depth: Annotated[int, Field(ge=1, le=20)] = 12
    max_aliases: Annotated[int, Field(ge=0, le=10**6)] = 30
    max_root_fields: Annotated[int, Field(ge=1, le=10**6)] = 20
    max_directives: Annotated[int, Field(ge=0, le=10**6)] = 50
    max_tokens: Annotated[int, Field(ge=1, le=10**6)] = 2000
    max_document_kb: Annotated[int, Field(ge=1, le=10**6)] = 20
    max_cost: Annotated[int, Field(ge=1, le=10**15)] = 40_000
    rate_limit: Literal["off"] | int = 300_000
    rate_limit_shared: Literal["off", "on"] = "off"
    graphiql: bool | None = None
    introspection: bool | None = None
    graphql_manifest: Annotated[list[str], NoDecode] = Field(default_factory=list)
    graphql_documents: Literal["any", "persisted", "trusted"] = "any"
    webhook_private_addresses: Literal["refuse", "allow"] = "refuse"
    keep_events_days: Literal["forever"] | int = "forever"
    keep_deliveries_days: Literal["forever"] | int = 30
    keep_sessions_days: Literal["forever"] | int = 30
    idempotency_hours: Annotated[int, Field(ge=1, le=8760)] = 24
    undo_hours: Annotated[int, Field(ge=0, le=8760)] = 24
    log_format: LogFormat = "text"
    log_level: LogLevel = "info"
    # May be a token.
    metrics: str = Field(default="off", repr=False)
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    metrics_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    traces: Literal["off", "on"] = "off"
    # The part of requests that are traced.
    traces_sampled: Annotated[float, Field(ge=0, le=1)] = 0.1

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Take origins separated by commas, as shells write lists."""
        if isinstance(value, str):
            given = [one.strip() for one in value.split(",") if one.strip()]
            return given if given == ["*"] else [origin(one) for one in given]
        return value

    @field_validator("cors_headers", mode="before")
    @classmethod
    def _split_headers(cls, value: object) -> object:
        """Take names separated by commas, or ``*`` alone."""
        return header_names(value) if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        """Take an address of the web."""
        return None if value is None else public_url_of(value)

    @field_validator("rate_limit", mode="before")
    @classmethod
    def _limit(cls, value: object) -> object:
        """Take a number, or none: said in one sentence, where the type would need two."""
        text = str(value).strip()
        if text == "off":
            return text
        number = int(text) if re.fullmatch("[0-9]{1,10}", text) else 0
        if not 1 <= number <= MAX_RATE_LIMIT:
            raise ValueError(f"must be off, or a number of points from 1 to {MAX_RATE_LIMIT}")
        return number

    @field_validator("secret_key_old_until", mode="before")
    @classmethod
    def _moment(cls, value: object) -> object:
        """Take a time with its offset; pydantic would take numbers, and times without one."""
        return moment(value) if isinstance(value, str) and value else value

    @field_validator(
        "keep_events_days", "keep_deliveries_days", "keep_sessions_days", mode="before"
    )
    @classmethod
    def _days(cls, value: object) -> object:
        """Take a number of days, or none: said in one sentence, as of the limit."""
        return days(str(value))

    @field_validator("metrics")
    @classmethod
    def _metrics(cls, value: str) -> str:
        """Take off, on, or a token."""
        return metrics_of(value)

    @field_validator("graphql_manifest", "replica_urls", mode="before")
    @classmethod
    def _split_texts(cls, value: object) -> object:
        """Take paths or URLs separated by commas."""
        if isinstance(value, str):
            return [text.strip() for text in value.split(",") if text.strip()]
        return value

    @field_validator(
        *("public_url", "secret_key", "secret_key_old", "secret_key_old_until"),
        *("graphiql", "introspection", "listen_url", "metrics_port"),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        """Treat ``NAME=`` as not set, as compose files write it."""
        return None if value == "" else value

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.pgbouncer == "on" and self.listen_url is None:
            raise SettingsError(
                f"{PREFIX}PGBOUNCER is on, so {PREFIX}LISTEN_URL has to lead to the same database "
                "without PgBouncer, which cannot pass on notifications."
            )
        if self.metrics_port is not None and self.metrics == "off":
            raise SettingsError(f"{PREFIX}METRICS_PORT is set, but {PREFIX}METRICS is off.")
        if (self.secret_key_old is None) != (self.secret_key_old_until is None):
            raise SettingsError(
                f"{PREFIX}SECRET_KEY_OLD and {PREFIX}SECRET_KEY_OLD_UNTIL have to be set together: "
                "the key before the current one, and the time until which it is accepted."
            )
        return self

    @property
    def direct_url(self) -> str:
        """The URL of the database without PgBouncer."""
        return self.listen_url or self.database_url

    @property
    def production(self) -> bool:
        """Whether real people depend on this process."""
        return self.environment == "production"

    @property
    def shows_graphiql(self) -> bool:
        """Whether ``/graphql`` answers a browser with GraphiQL, which needs to send any text."""
        if self.graphql_documents != "any":
            return False
        return not self.production if self.graphiql is None else self.graphiql

    @property
    def allows_introspection(self) -> bool:
        """Whether the schema may be asked for its types."""
        return not self.production if self.introspection is None else self.introspection

    def signing_key(self, key_file: Path = KEY_FILE) -> str:
        """Return the key behind tokens, links and cursors; in development make and keep one.

        Raises ``SettingsError`` where production has none or one that the documentation prints, or
        where it is too short for HS256.
        """
        setting = f"{PREFIX}SECRET_KEY"
        if self.production and self.secret_key is None:
            raise SettingsError(
                f"{setting} is not set: production needs one, "
                f"{MIN_KEY_LENGTH} random bytes or more, the same for every process."
            )
        try:
            if self.secret_key is None:
                return kept_key(setting, key_file)
            key = self.secret_key.get_secret_value()
            return checked_key(setting, key, production=self.production)
        except SigningKeyError as error:
            raise SettingsError(str(error)) from None

    def old_key(self) -> tuple[str, datetime] | None:
        """Return the key before the current one and until when it is accepted, if there is one.

        Raises ``SettingsError`` where it is no good as a key, or the current one.
        """
        if self.secret_key_old is None or self.secret_key_old_until is None:
            return None
        setting, key = f"{PREFIX}SECRET_KEY_OLD", self.secret_key_old.get_secret_value()
        try:
            checked_key(setting, key, production=self.production)
        except SigningKeyError as error:
            raise SettingsError(str(error)) from None
        if key == self.signing_key():
            raise SettingsError(
                f"{setting} is the same as {PREFIX}SECRET_KEY: it has to be the key before it."
            )
        return key, self.secret_key_old_until


def load_settings() -> Settings:
    """Read the environment; raises ``SettingsError`` with one sentence for each wrong setting."""
    try:
        environment = _environment()
        _refuse_unknown_names(environment)
        return Settings(**_values_of_files(environment))
    except ValidationError as error:
        wrong = {
            _sentence(str(problem["loc"][0]), problem["msg"])
            for problem in error.errors(include_input=False, include_url=False)
        }
        raise SettingsError(" ".join(sorted(wrong))) from None
    except UnicodeDecodeError:
        raise SettingsError("The file .env is not text in UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"The file .env cannot be read: {error.strerror}.") from None


def _environment() -> dict[str, str]:
    """Return what the environment and ``.env`` set, by names in capitals."""
    kept = {name: value or "" for name, value in DotEnvSettingsSource(Settings).env_vars.items()}
    return {name.upper(): value for name, value in {**kept, **os.environ}.items()}


def _values_of_files(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that are in files, by the names of their fields."""
    names = {f"{PREFIX}{field}".upper(): field for field in IN_FILES}
    try:
        found = values_from_files(environment, list(names))
    except SecretFileError as error:
        raise SettingsError(str(error)) from None
    return {names[name]: value for name, value in found.items()}


def _refuse_unknown_names(names: Iterable[str]) -> None:
    known = [f"{PREFIX}{name}".upper() for name in Settings.model_fields]
    known += [f"{PREFIX}{name}{SUFFIX}".upper() for name in IN_FILES]
    if unknown := unknown_names(names, known, PREFIX):
        raise SettingsError(" ".join(unknown))


def _sentence(name: str, message: str) -> str:
    """Return the sentence about a setting; pydantic begins those of our own in another way."""
    own = message.removeprefix("Value error, ")
    separator = " " if own != message else ": "
    return f"{PREFIX}{name.upper()}{separator}{own}."
