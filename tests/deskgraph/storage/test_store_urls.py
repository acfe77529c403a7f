"""URLs of stores: what they may say, and sentences that repeat nothing secret."""

from pathlib import Path

import pytest
from obstore.store import S3Store

from deskgraph.storage.store_urls import FilesUrlError, open_place

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _without_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def refused(url: str) -> str:
    with pytest.raises(FilesUrlError) as raised:
        open_place(url)
    said = str(raised.value)
    assert SECRET not in said
    assert "private-bucket" not in said
    assert raised.value.__cause__ is None
    return said


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://user:hunter2@host/x", "s3://", "s3:///x", "file://var/media#hunter2"],
)
def test_a_url_that_cannot_be_used_is_told_without_repeating_it(url: str) -> None:
    assert refused(url).startswith("DESKGRAPH_FILES_URL cannot be used; it looks like")


def test_a_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_place("file://var/media")
    assert (tmp_path / "var" / "media").is_dir()


def test_parameters_set_what_the_store_needs() -> None:
    place = open_place(
        "s3://private-bucket/a/b?endpoint=http://127.0.0.1:9000&region=eu-west-1&allow_http=true"
        "&virtual_hosted_style_request=False&server_side_encryption=AES256&redirect=0"
    )
    assert isinstance(place.store, S3Store)
    assert place.store.prefix == "a/b"
    assert place.store.config == {
        "bucket": "private-bucket",
        "endpoint": "http://127.0.0.1:9000",
        "region": "eu-west-1",
        "virtual_hosted_style_request": "false",
        "server_side_encryption": "AES256",
    }
    assert place.store.client_options is not None
    assert place.store.client_options == {**place.store.client_options, "allow_http": "true"}
    assert not place.redirect


def test_object_stores_give_links_and_folders_do_not(tmp_path: Path) -> None:
    assert open_place("s3://private-bucket").redirect
    assert not open_place(f"file://{tmp_path}").redirect
    assert not open_place("memory:///").redirect


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://private-bucket?regoin=x", "unknown parameter 'regoin'; for s3:// it takes allow_"),
        ("s3://private-bucket?hunter2", "has an unknown parameter; for s3:// it takes"),
        ("gs://private-bucket?region=x", "unknown parameter 'region'; for gs:// it takes redirect"),
        ("file://var/media?mkdir=1", "unknown parameter 'mkdir'; for file:// it takes none"),
        (
            "s3://private-bucket?allow_http=maybe",
            "'allow_http' of DESKGRAPH_FILES_URL must be",
        ),
        (
            "s3://private-bucket?redirect=",
            "'redirect' of DESKGRAPH_FILES_URL must be",
        ),
        ("s3://private-bucket?endpoint=http://x:1", "plain http: add allow_http=true"),
        ("s3://private-bucket?access_key_id=hunter2", "holds a credential"),
        ("s3://private-bucket?secret_access_key=hunter2", "AWS_SECRET_ACCESS_KEY"),
        ("s3://private-bucket?aws_session_token=hunter2", "holds a credential"),
        ("s3://somebody:hunter2@private-bucket", "holds a user or password"),
    ],
)
def test_what_a_url_may_not_say_is_told(url: str, said: str) -> None:
    assert said in refused(url)
