"""Everything is said in simplified Chinese too."""

import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from .conftest import file_of

pytestmark = pytest.mark.django_db
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
FOLDER = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
# What stays as it is: names of files, formats, keys and commands, and English itself.
KEPT_WORDS = re.compile(r"[\w./:=?%-]*[\d_./][\w./:=?%-]*")
NAMES = {"ImageNet", "JPEG", "English", "Shift", "Esc", "python", "ursula", "weights", "index", "reextract"}


def entries() -> list[tuple[str, str]]:
    """The messages of the .po file, in the plural where they have one, and what they are in Chinese."""
    text = re.sub(r'"\n"', "", (FOLDER / "django.po").read_text())
    found = re.findall(r'^msgid "(.+)"\n(?:msgid_plural "(.*)"\n)?msgstr(?:\[0\])? "(.*)"$', text, re.MULTILINE)
    return [(plural or message, translation) for message, plural, translation in found]


def test_every_message_is_translated_and_compiled():
    assert len(entries()) > 350
    assert [message for message, translation in entries() if not translation] == []
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = set(GNUTranslations(file)._catalog.values())
    assert {translation.replace('\\"', '"') for _message, translation in entries()} <= compiled
    assert "fuzzy" not in (FOLDER / "django.po").read_text()


def test_placeholders_are_the_same():
    for message, translation in entries():
        holders = [set(re.findall(r"\{\w+[^}]*\}|%\(\w+\)s", text)) for text in (message, translation)]
        assert holders[0] == holders[1], message


def test_every_message_of_the_code_was_collected(tmp_path, monkeypatch):
    """As `makemessages` finds them: run it again where this fails, and translate what is new."""
    import shutil

    from django.core.management import call_command

    if shutil.which("xgettext") is None:
        pytest.skip("gettext is not installed")
    copy = tmp_path / "checkout"
    for folder in ("catalog", "imagesearch", "templates"):
        shutil.copytree(settings.BASE_DIR / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copy)
    monkeypatch.setattr(settings, "LOCALE_PATHS", [copy / "catalog" / "locale"])
    call_command("makemessages", locale=["zh_Hans"], verbosity=0)
    found = (copy / "catalog" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text()
    text = re.sub(r'"\n"', "", found.split("\n\n", 1)[1])
    missing = re.findall(r'^msgid "(.+)"\n(?:msgid_plural ".*"\n)?msgstr(?:\[0\])? ""$', text, re.MULTILINE)
    assert missing == []
    assert "fuzzy" not in text


@pytest.fixture(params=["home", "results", "similar", "image", "compared", "browse", "map", "login", "upload", "saved"])
def address(request, client, search, catalogue, uploader) -> str:
    if request.param in ("upload", "saved"):
        client.force_login(uploader)
    addresses = {
        "home": "/",
        "results": lambda: search(1),
        "similar": catalogue[0].similar_url,
        "image": catalogue[0].get_absolute_url(),
        "compared": f"{catalogue[0].get_absolute_url()}?like={catalogue[1].pk}",
        "browse": "/images/",
        "map": "/map/",
        "login": "/accounts/login/",
        "upload": "/upload/",
        "saved": "/saved/",
    }
    found = addresses[request.param]
    return found() if callable(found) else found


def words(page: str) -> list[str]:
    """English words that a reader sees or hears."""
    body = page[page.index("<body") :]
    body = re.sub(r"<(script|style|code|svg|template)\b.*?</\1>", " ", body, flags=re.DOTALL)
    read = re.findall(r'(?:alt|title|aria-label|placeholder)="([^"]*)"', body)
    text = " ".join([*read, re.sub(r"<[^>]*>", " ", body)])
    text = KEPT_WORDS.sub(" ", text.replace("&quot;", " "))
    return re.findall(r"[A-Za-z]{3,}", text)


def test_no_english_is_left_on_a_page(client, address):
    page = client.get(address, headers=CHINESE).content.decode()
    assert '<html lang="zh-hans"' in page
    assert set(words(page)) - NAMES == set()


def test_faults_are_told_in_chinese(client, catalogue):
    answers = {
        client.get("/search/gone/", headers=CHINESE): "只保留一段时间",
        client.get("/nowhere/", headers=CHINESE): "什么也没有",
        client.get(catalogue[0].similar_url, {"crop": "x"}, headers=CHINESE): "不是裁剪区域",
        client.post("/search/", {"photo": file_of(b"Dear madam")}, headers=CHINESE): "不是图片",
        client.post("/search/", headers=CHINESE): "请选择一张用来搜索的照片",
        client.get("/images/", {"format": "x"}, headers=CHINESE): "没有这样的图集",
    }
    for answer, told in answers.items():
        assert answer.status_code >= 400
        assert told in answer.content.decode()


def test_a_person_switches_the_language_and_comes_back(client, catalogue):
    answer = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/images/?format=JPEG"})
    assert answer.url == "/images/?format=JPEG"
    assert "浏览" in client.get("/images/").content.decode()
    client.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert "Browse" in client.get("/images/", headers=CHINESE).content.decode()


def test_numbers_and_days_are_written_the_readers_way(client, catalogue):
    page = client.get(catalogue[0].get_absolute_url(), headers=CHINESE).content.decode()
    assert re.search(r"\d{4}年\d{1,2}月\d{1,2}日", page)
