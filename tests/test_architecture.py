"""Imports run one way: faces → services → models, imaging, features, vectors → exceptions."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]

# What each room may import of the application, besides itself.
MAY_IMPORT = {
    "exceptions": set(),
    "durability": {"exceptions"},
    "locks": {"exceptions"},
    "imaging": {"exceptions"},
    "quiet_keras": set(),
    "features": {"exceptions", "durability", "quiet_keras"},
    "vectors": {"exceptions", "durability", "quiet_keras"},
    "demo": set(),
    "storage": {"durability"},
    "querysets": set(),
    "models": {"querysets"},
    "services": {
        *("exceptions", "durability", "locks", "imaging", "features", "vectors", "demo"),
        *("models", "querysets", "services", "tasks"),  # of the tasks, `hints` alone: see below
    },
}
NO_DJANGO = ("exceptions", "durability", "locks", "quiet_keras", "imaging", "features", "vectors", "demo")
FACES = {"views", "api", "admin", "management", "forms", "urls", "tasks", "checks", "apps", "middleware"}
HEAVY = {"tensorflow", "keras"}


def modules(room: str) -> Iterator[Path]:
    place = CHECKOUT / "catalog" / room
    return place.rglob("*.py") if place.is_dir() else iter([place.with_suffix(".py")])


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function, by its full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_of(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("catalog.")}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_arrow_turns_round(room):
    for path in modules(room):
        beyond = rooms_of(imported(path)) - MAY_IMPORT[room] - {room}
        assert not beyond, f"{path.relative_to(CHECKOUT)} imports {beyond}"


@pytest.mark.parametrize("room", NO_DJANGO)
def test_what_needs_no_django_imports_none(room):
    for path in modules(room):
        beyond = {name for name in imported(path) if name.split(".")[0] in {"django", "celery", "imagesearch"}}
        assert not beyond, f"{path.relative_to(CHECKOUT)} imports {beyond}"


def test_of_the_services_the_hints_alone_know_the_tasks():
    knowing = {path.stem for path in modules("services") if "tasks" in rooms_of(imported(path))}
    assert knowing == {"hints"}


def test_every_room_is_in_this_list():
    there = {path.stem for path in (CHECKOUT / "catalog").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert there - {"__init__", "__pycache__", "migrations", "locale"} == set(MAY_IMPORT) | FACES


def importing(names: set[str]) -> set[str]:
    """The files that import a module of these names, or something of it."""
    return {
        str(path.relative_to(CHECKOUT / "catalog"))
        for path in (CHECKOUT / "catalog").rglob("*.py")
        if any(name == one or name.startswith(f"{one}.") for name in imported(path) for one in names)
    }


def test_one_file_imports_tensorflow_for_the_two_that_need_it():
    assert importing(HEAVY) == {"quiet_keras.py"}
    assert importing({"catalog.quiet_keras"}) == {"features/runtimes/keras_runtime.py", "vectors/latent.py"}


SERVE_EVERY_PAGE = """
import io, json, sys
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from PIL import Image as Pixels

call_command("migrate", verbosity=0)
from catalog.models import Collection, Image, Import
from catalog.services import imports, indexing, uploads
from django.conf import settings

def picture(colour):
    out = io.BytesIO()
    Pixels.new("RGB", (64, 48), colour).save(out, "PNG")
    return out.getvalue()

for colour in ("red", "green", "blue"):
    uploads.add_all([uploads.Incoming(colour, lambda: picture(colour), uploads.collection_named("Colours"))])
indexing.index_pending()
image = Image.objects.first()
settings.IMPORT_ROOT.mkdir()
User.objects.create_superuser("karl", password="x")
client = Client(headers={"host": "localhost"})
client.login(username="karl", password="x")
run = imports.begin(folder=settings.IMPORT_ROOT, collection=None, from_folders=False, user=None)
imports.run(run.pk)

def photo():
    file = io.BytesIO(picture("purple"))
    file.name = "photo.png"
    return file

answers = {}
def ask(address, answer):
    answers[address] = answer.status_code
    return answer

results = ask("/search/", client.post("/search/", {"photo": photo()}))["Location"]
ask("POST /upload/", client.post("/upload/", {"files": photo()}))
ask("POST /api/search", client.post("/api/search", {"photo": photo()}))
for address in (
    "/", results, results.split("?")[0] + "photo", "/images/", f"/images/{image.pk}/", f"/images/{image.pk}/similar/",
    image.thumbnail_url, image.original_url, "/upload/", f"/upload/outcomes/?ids={image.pk}",
    f"/upload/status/?ids={image.pk}", "/accounts/login/", "/api/docs", "/api/openapi.json", "/api/health",
    "/api/images", f"/api/images/{image.pk}", f"/api/images/{image.pk}/similar",
    "/admin/", "/admin/catalog/image/", f"/admin/catalog/image/{image.pk}/change/", "/admin/catalog/collection/",
    "/admin/catalog/tag/", "/admin/catalog/import/", "/admin/catalog/import/add/",
    f"/admin/catalog/import/{run.pk}/change/", "/admin/catalog/generation/", "/admin/catalog/segment/",
    "/admin/catalog/rebuild/", "/admin/catalog/rebuild/add/",
):
    ask(address, client.get(address))
print(json.dumps([sorted({"tensorflow", "keras", "torch"} & set(sys.modules)), answers]))
"""


def test_serving_every_page_loads_no_tensorflow(tmp_path, models_dir):
    (tmp_path / "site" / "var").mkdir(parents=True)
    (tmp_path / "site" / "var" / "models").symlink_to(models_dir)
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        "DJANGO_SETTINGS_MODULE": "imagesearch.settings",
        "IMAGESEARCH_DATA_DIR": str(tmp_path / "site"),
        "IMAGESEARCH_EXTRACTOR": "vgg16-compact",
        "IMAGESEARCH_RUNTIME": "ncnn",
    }
    ended = subprocess.run(
        [sys.executable, "-c", SERVE_EVERY_PAGE],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    loaded, answers = json.loads(ended.stdout.splitlines()[-1])
    assert loaded == []
    unwell = {address: status for address, status in answers.items() if status not in (200, 302)}
    assert not unwell, unwell
