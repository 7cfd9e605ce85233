"""The site is completely translated into simplified Chinese."""

import json
import os
import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from catalog.error_messages import error_message
from catalog.exceptions import WeightsUnavailable
from catalog.features.networks.vgg16 import vgg16_network
from catalog.templatetags.recorded_messages import translate_recorded
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
LOCALE_DIR = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
# Words that are not translated: names of files, formats, keys and commands, and "English" itself.
UNTRANSLATED_WORDS = re.compile(r"[\w./:=?%-]*[\d_./][\w./:=?%-]*")
NAMES = {"ImageNet", "JPEG", "English", "Shift", "Esc", "python", "ursula", "weights", "index", "reextract"}


@pytest.fixture(autouse=True)
def restore_language():
    """A request in Chinese leaves Chinese active in this thread, where other tests would find it."""
    with override("en"):
        yield


def catalog_messages() -> list[tuple[str, str]]:
    """The messages of the .po file, in the plural if they have one, and their translations."""
    text = re.sub(r'"\n"', "", (LOCALE_DIR / "django.po").read_text())
    found = re.findall(r'^msgid "(.+)"\n(?:msgid_plural "(.*)"\n)?msgstr(?:\[0\])? "(.*)"$', text, re.MULTILINE)
    return [(plural or message, translation) for message, plural, translation in found]


def test_every_message_is_translated_and_compiled():
    assert len(catalog_messages()) > 350
    assert [message for message, translation in catalog_messages() if not translation] == []
    with (LOCALE_DIR / "django.mo").open("rb") as file:
        compiled = set(GNUTranslations(file)._catalog.values())
    assert {translation.replace('\\"', '"') for _message, translation in catalog_messages()} <= compiled
    assert "fuzzy" not in (LOCALE_DIR / "django.po").read_text()


def test_placeholders_are_the_same():
    for message, translation in catalog_messages():
        holders = [set(re.findall(r"\{\w+[^}]*\}|%\(\w+\)s", text)) for text in (message, translation)]
        assert holders[0] == holders[1], message


def test_every_message_of_the_code_was_collected(tmp_path, monkeypatch):
    """If this fails, run `makemessages` and translate the new messages."""
    import shutil

    from django.core.management import call_command

    if shutil.which("xgettext") is None:
        (pytest.fail if os.environ.get("REQUIRE_SERVICES") == "1" else pytest.skip)("gettext is not installed")
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
def page_url(request, client, picture, catalogue, uploader) -> str:
    if request.param in ("upload", "saved"):
        client.force_login(uploader)
    addresses = {
        "home": "/",
        "results": lambda: client.post("/search/", {"photo": uploaded_file(picture(1))}).url,
        "similar": catalogue[0].similar_url,
        "image": catalogue[0].get_absolute_url(),
        "compared": f"{catalogue[0].get_absolute_url()}?image={catalogue[1].pk}",
        "browse": "/images/",
        "map": "/map/",
        "login": "/accounts/login/",
        "upload": "/upload/",
        "saved": "/saved/",
    }
    found = addresses[request.param]
    return found() if callable(found) else found


def visible_words(page: str) -> list[str]:
    """The English words that a page shows or a screen reader reads."""
    body = page[page.index("<body") :]
    body = re.sub(r"<(script|style|code|svg|template)\b.*?</\1>", " ", body, flags=re.DOTALL)
    read = re.findall(r'(?:alt|title|aria-label|placeholder)="([^"]*)"', body)
    text = " ".join([*read, re.sub(r"<[^>]*>", " ", body)])
    text = UNTRANSLATED_WORDS.sub(" ", text.replace("&quot;", " "))
    return re.findall(r"[A-Za-z]{3,}", text)


def test_no_english_is_left_on_a_page(client, page_url):
    page = client.get(page_url, headers=CHINESE).content.decode()
    assert '<html lang="zh-hans"' in page
    assert set(visible_words(page)) - NAMES == set()


def test_errors_are_reported_in_chinese(client, catalogue):
    responses = {
        client.get("/search/gone/", headers=CHINESE): "只保留一段时间",
        client.get("/nowhere/", headers=CHINESE): "页面不存在",
        client.get(catalogue[0].similar_url, {"crop": "x"}, headers=CHINESE): "不是有效的选区",
        client.post("/search/", {"photo": uploaded_file(b"Dear madam")}, headers=CHINESE): "不是图片",
        client.post("/search/", headers=CHINESE): "请选择要搜索的照片",
        client.get("/images/", {"format": "x"}, headers=CHINESE): "某项筛选条件的值不存在",
    }
    for response, result in responses.items():
        assert response.status_code >= 400
        assert result in response.content.decode()


@pytest.mark.parametrize(
    ("recorded", "translation"),
    [
        ("This PNG file is damaged. Use another copy.", "PNG 文件已损坏，请换用其他副本。"),
        ("/a/b.zip could not be read: No such file.", "无法读取 /a/b.zip：No such file。"),
        ("The picture could not be read: broken.", "无法读取图片：broken。"),
        ("The file is empty. Choose another one.", "文件为空，请重新选择。"),
        ("No message of the catalogue.", "No message of the catalogue."),
        ("Two sentences from a worker. Neither is known.", "Two sentences from a worker. Neither is known."),
        ("", ""),
    ],
)
def test_recorded_error_messages_are_translated(recorded, translation):
    with override("zh-hans"):
        assert translate_recorded(recorded) == translation
    with override("en"):
        assert translate_recorded(recorded) == recorded


def test_the_page_of_a_failed_image_shows_the_reason_in_chinese(client, catalogue):
    image = catalogue[0]
    reason = "The original file a.jpg is missing. Upload the picture again."
    type(image).objects.filter(pk=image.pk).update(status="failed", failure_reason=reason)
    assert "原图文件 a.jpg 缺失" in client.get(image.get_absolute_url(), headers=CHINESE).content.decode()


def test_missing_weights_are_reported_in_chinese_with_the_hint(tmp_path):
    with override("zh-hans"), pytest.raises(WeightsUnavailable) as raised:
        vgg16_network(tmp_path / "missing.h5")
    with override("zh-hans"):
        message = error_message(raised.value)
    assert message.startswith("缺少 VGG16 的 ImageNet 权重")
    assert message.endswith("取消 IMAGESEARCH_VGG16_WEIGHTS 的设置。")


def test_the_scripts_of_the_admin_are_translated(client, superuser):
    client.force_login(superuser)
    script = client.get("/admin/jsi18n/", headers=CHINESE).content.decode()
    assert f'"Choose all %s": {json.dumps("选择全部%s")}' in script


def test_a_person_switches_the_language_and_comes_back(client, catalogue):
    response = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/images/?format=JPEG"})
    assert response.url == "/images/?format=JPEG"
    assert "浏览" in client.get("/images/").content.decode()
    client.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert "Browse" in client.get("/images/", headers=CHINESE).content.decode()


def test_numbers_and_days_are_written_the_readers_way(client, catalogue):
    page = client.get(catalogue[0].get_absolute_url(), headers=CHINESE).content.decode()
    assert re.search(r"\d{4}年\d{1,2}月\d{1,2}日", page)
