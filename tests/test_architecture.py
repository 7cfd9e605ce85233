"""The rules of the layers: imports run downwards only. And the limits on the size of functions, files and folders."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCE_FOLDERS = ("benchmarks", "catalog", "imagesearch", "tests")
MAX_MODULES_PER_FOLDER = 15
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 40

# What each package or module of `catalog` may import from the others, lowest layer first.
BASE = {"exceptions", "atomic_write", "locks", "keras_import"}
COMPUTING = {"imaging", "features", "vectors"}
SCHEMA = {"models", "querysets"}
DOMAIN = BASE | COMPUTING | SCHEMA | {"database_errors", "similarity_labels"}
USE_CASES = {"services.search", "services.ingest", "services.maintenance", "services.backup"}
SERVICES = USE_CASES | {"services.index", "services.media", "services.jobs", "services.accounts", "services.monitoring"}
ALLOWED_IMPORTS = {
    "exceptions": set(),
    "keras_import": set(),
    "demo": {"exceptions"},
    "atomic_write": {"exceptions"},
    "locks": {"exceptions"},
    "database_errors": {"exceptions"},
    "error_messages": {"exceptions", "database_errors"},
    "imaging": {"exceptions"},
    "features": {"exceptions", "atomic_write", "locks", "keras_import"},
    "vectors": {"exceptions", "atomic_write", "keras_import"},
    "similarity_labels": {"vectors"},
    "media_storage": {"atomic_write"},
    "querysets": set(),
    "models": {"querysets"},
    "services": set(),
    "services.accounts": DOMAIN,
    "services.monitoring": DOMAIN,
    "services.jobs": DOMAIN,
    "services.media": DOMAIN | {"services.accounts", "services.jobs", "services.monitoring"},
    "services.index": DOMAIN | {"services.accounts", "services.jobs", "services.media"},
    "services.search": DOMAIN
    | {"services.accounts", "services.monitoring", "services.jobs", "services.media", "services.index"},
    "services.ingest": DOMAIN | {"services.accounts", "services.jobs", "services.media", "services.index", "demo"},
    "services.maintenance": DOMAIN
    | {"error_messages", "services.accounts", "services.jobs", "services.media", "services.monitoring"}
    | {"services.index", "services.search", "services.backup"},
    "services.backup": DOMAIN | {"services.accounts", "services.jobs", "services.media", "services.index"},
    "forms": DOMAIN | SERVICES,
    "views": DOMAIN | SERVICES | {"forms", "error_messages"},
    "api": DOMAIN | SERVICES | {"forms", "error_messages"},
    "admin": DOMAIN | SERVICES | {"forms", "error_messages"},
    "templatetags": {"error_messages"},
    "management": DOMAIN | SERVICES | {"demo"},
    "tasks": DOMAIN | SERVICES,
    "checks": DOMAIN | SERVICES,
    "middleware": DOMAIN | SERVICES | {"views", "api", "error_messages"},
    "urls": {"views"},
    "apps": {"checks", "services.accounts"},
}
DJANGO_FREE_PACKAGES = ("exceptions", "atomic_write", "locks", "keras_import", "imaging", "features", "vectors", "demo")
HEAVY_MODULES = {"tensorflow", "keras"}


def module_name(path: Path) -> str:
    """The dotted name of a file of the checkout."""
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in (CHECKOUT / "catalog").rglob("*.py") if "migrations" not in path.parts}


def package_of(module: str) -> str:
    """The key in ALLOWED_IMPORTS that a module of `catalog` belongs to."""
    parts = module.split(".")[1:]
    return ".".join(parts[:2] if parts[0] == "services" else parts[:1])


def package_modules(package: str) -> Iterator[Path]:
    return (path for module, path in MODULES.items() if module != "catalog" and package_of(module) == package)


def imported_names(path: Path) -> set[str]:
    """The full name of everything that a file imports, at the top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_modules(path: Path) -> set[str]:
    """The modules of `catalog` that a file imports, or imports something from."""
    names = {name for name in imported_names(path) if name.startswith("catalog.")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names}


@pytest.mark.parametrize("package", ALLOWED_IMPORTS)
def test_packages_import_only_allowed_packages(package):
    for path in package_modules(package):
        forbidden = {package_of(name) for name in imported_modules(path)} - ALLOWED_IMPORTS[package] - {package}
        assert not forbidden, f"{path.relative_to(CHECKOUT)} imports {forbidden}"


@pytest.mark.parametrize("package", DJANGO_FREE_PACKAGES)
def test_django_free_packages_import_no_django(package):
    for path in package_modules(package):
        forbidden = {name for name in imported_names(path) if name.split(".")[0] in {"django", "celery", "imagesearch"}}
        assert not forbidden, f"{path.relative_to(CHECKOUT)} imports {forbidden}"


def test_no_packages_import_each_other():
    assert find_cycle(ALLOWED_IMPORTS) == []


def test_no_modules_import_each_other():
    assert find_cycle({module: imported_modules(path) - {module} for module, path in MODULES.items()}) == []


def find_cycle(imports: dict[str, set[str]]) -> list[str]:
    """A path of imports that leads back to where it began; empty if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_service_imports_tasks():
    """Services send tasks by name: see `catalog.services.jobs.dispatch`."""
    services = {module: path for module, path in MODULES.items() if module.startswith("catalog.services")}
    assert {module for module, path in services.items() if "catalog.tasks" in imported_modules(path)} == set()


def test_every_package_is_listed():
    assert {package_of(module) for module in MODULES if module != "catalog"} == set(ALLOWED_IMPORTS)


def test_every_service_is_in_a_package():
    assert {path.name for path in (CHECKOUT / "catalog" / "services").glob("*.py")} == {"__init__.py"}


def source_files() -> list[Path]:
    files = (path for folder in SOURCE_FOLDERS for path in (CHECKOUT / folder).rglob("*.py"))
    return [*(path for path in files if "migrations" not in path.parts), CHECKOUT / "manage.py"]


def test_no_folder_holds_too_many_modules():
    folders = [path.parent for path in source_files() if path.name != "__init__.py"]
    sizes = {str(folder.relative_to(CHECKOUT)): folders.count(folder) for folder in folders}
    assert {folder: size for folder, size in sizes.items() if size > MAX_MODULES_PER_FOLDER} == {}


def test_no_file_is_too_long():
    lengths = {str(path.relative_to(CHECKOUT)): len(path.read_text().splitlines()) for path in source_files()}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


@pytest.mark.slow
def test_no_function_is_too_long():
    lengths = {
        f"{path.relative_to(CHECKOUT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


def modules_importing(names: set[str]) -> set[str]:
    """The files that import a module of these names, or something from it."""
    return {
        str(path.relative_to(CHECKOUT / "catalog"))
        for path in MODULES.values()
        if any(f"{name}.".startswith(f"{module}.") for name in imported_names(path) for module in names)
    }


def test_only_one_file_imports_tensorflow():
    assert modules_importing(HEAVY_MODULES) == {"keras_import.py"}
    assert modules_importing({"catalog.keras_import"}) == {
        "features/networks/keras_conversion.py",
        "features/runtimes/keras_models.py",
        "features/runtimes/keras_runtime.py",
        "vectors/codes/supervised_hashing.py",
    }


SERVE_ALL_PAGES_SCRIPT = """
import io, json, sys
import django
django.setup()
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from PIL import Image as Pixels

call_command("migrate", verbosity=0)
from catalog.models import Image
from catalog.services.ingest import imports

def picture(colour):
    out = io.BytesIO()
    Pixels.new("RGB", (64, 48), colour).save(out, "PNG")
    return out.getvalue()

settings.IMPORT_ROOT.mkdir()
for colour in ("red", "green", "blue"):
    (settings.IMPORT_ROOT / f"{colour}.png").write_bytes(picture(colour))
call_command("import_images", settings.IMPORT_ROOT, "--collection", "Colours", "--json")
image = Image.objects.first()
User.objects.create_superuser("karl", password="x")
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.get())
run = imports.enqueue(folder=settings.IMPORT_ROOT, collection=None, from_folders=False, user=None)
imports.run(run.pk)

def photo():
    file = io.BytesIO(picture("purple"))
    file.name = "photo.png"
    return file

statuses = {}
def record(path, response):
    statuses[path] = response.status_code
    return response

results = record("/search/", client.post("/search/", {"photo": photo()}))["Location"]
record("POST /upload/", client.post("/upload/", {"files": photo()}))
record("POST /api/search", client.post("/api/search", {"photo": photo()}))
for path in (
    "/", results, results.split("?")[0] + "photo", "/images/", f"/images/{image.pk}/", f"/images/{image.pk}/similar/",
    image.thumbnail_url, image.original_url, "/upload/", f"/upload/results/?ids={image.pk}",
    f"/upload/status/?ids={image.pk}", "/accounts/login/", "/api/docs", "/api/openapi.json", "/api/health",
    "/api/images", f"/api/images/{image.pk}", f"/api/images/{image.pk}/similar",
    "/admin/", "/admin/catalog/image/", f"/admin/catalog/image/{image.pk}/change/", "/admin/catalog/collection/",
    "/admin/catalog/tag/", "/admin/catalog/import/", "/admin/catalog/import/add/",
    f"/admin/catalog/import/{run.pk}/change/", "/admin/catalog/generation/", "/admin/catalog/segment/",
    "/admin/catalog/rebuild/", "/admin/catalog/rebuild/add/",
):
    record(path, client.get(path))
print(json.dumps([sorted({"tensorflow", "keras", "torch"} & set(sys.modules)), statuses]))
"""


@pytest.mark.slow
def test_serving_every_page_loads_no_tensorflow(tmp_path, models_dir):
    (tmp_path / "site" / "var").mkdir(parents=True)
    (tmp_path / "site" / "var" / "models").symlink_to(models_dir)
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        "DJANGO_SETTINGS_MODULE": "imagesearch.settings",
        "IMAGESEARCH_DATA_DIR": str(tmp_path / "site"),
        "IMAGESEARCH_EXTRACTOR": "efficientnet-lite2",
        "IMAGESEARCH_RUNTIME": "openvino",
    }
    completed = subprocess.run(
        [sys.executable, "-c", SERVE_ALL_PAGES_SCRIPT],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert completed.returncode == 0, completed.stderr
    loaded, statuses = json.loads(completed.stdout.splitlines()[-1])
    assert loaded == []
    failed = {path: status for path, status in statuses.items() if status not in (200, 302)}
    assert not failed, failed
