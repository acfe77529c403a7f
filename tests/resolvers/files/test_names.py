"""Names of files: the one rule for uploads and renames, and the names at the end of links."""

from urllib.parse import unquote

import pytest

from resolvers.files.names import encoded_key, file_name, key_name

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467.png"


@pytest.mark.parametrize(
    "name",
    [
        "photo.png",
        "ภาพหน้าจอ.png",
        "スクリーン ショット.png",
        "Capture d’écran 2024-05-01 à 10\u202f31.png",  # noqa: RUF001
        "図\u3000面.pdf",
        "می\u200cخواهم.docx",  # noqa: RUF001
        "क्\u200dष.txt",
        FAMILY,
        "e\u0301.txt",
        "a\u00a0b.txt",
        'quotes "and" %41.txt',
    ],
)
def test_letters_spaces_and_joiners_stay_as_given(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("C:\\Users\\me\\shot.png", "shot.png"),
        ("../../etc/passwd", "passwd"),
        ("a/b\\c.txt", "c.txt"),
        ("..", ""),
        (".", ""),
        ("a/", ""),
        ("\r\n", ""),
        ("a\r\nX: y\0.txt", "aX: y.txt"),
        ("a\u2028b\u2029c\x85d\x0be.txt", "abcde.txt"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("\u2067a\u2069\u200f\u061c.txt", "a.txt"),
        ("..\u202e", ""),
        ("\x7fa\x9b.txt", "a.txt"),
        ("  a.txt ", "a.txt"),
    ],
)
def test_paths_controls_and_line_breaks_are_left_out(given: str, name: str) -> None:
    assert file_name(given) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.png", "photo.png"),
        ("Über uns.pdf", "Uber_uns.pdf"),
        ("ภาพหน้าจอ.png", "ภาพหน้าจอ.png"),
        ("日本.png", "日本.png"),
        ("日本", "日本"),
        ("Größe Ørsted.tar.gz", "Große_Ørsted.tar.gz"),
        ("отчёт.докс", "отчёт.докс"),
        ("می\u200cخواهم.docx", "می_خواهم.docx"),  # noqa: RUF001
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a b.txt", "a_b.txt"),
        (".htaccess", "file.htaccess"),
        ("...", "file"),
        (FAMILY, "file.png"),
        ("a/", "file"),
        ("a?b#c%2e%2e.txt", "a_b_c_2e_2e.txt"),
        ("a\nb.txt", "a_b.txt"),
        ("x" * 300 + ".jpeg", "x" * 160 + ".jpeg"),
        ("a." + "y" * 300, "a." + "y" * 40),
        # No character is cut in two: each of these has nine characters in a URL.
        ("日" * 300 + ".png", "日" * 17 + ".png"),
    ],
)
def test_links_end_with_a_name_that_is_safe_everywhere(name: str, shown: str) -> None:
    found = key_name(name)

    assert unquote(found, errors="strict") == shown
    assert found.isascii()
    assert not set(found) & set(" /\\?#\"'<>:")
    assert not found.startswith(".")
    assert len(found) <= 201
    # The path of a URL is decoded before anybody looks for its file.
    assert encoded_key(f"a/{shown}") == f"a/{found}"
