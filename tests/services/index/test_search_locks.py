"""Searches and pages wait for no process that writes."""

SEARCH_WHILE_OTHERS_WRITE = """
import fcntl, io, json, sqlite3, time
import numpy as np
from django.conf import settings
from django.test import Client
from PIL import Image as Pixels
from catalog.models import Image
from catalog.services.index import extraction
from catalog.services.ingest import uploads

for number in range(2):
    out = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Pixels.fromarray(pixels).save(out, 'PNG')
    uploads.add_picture(out.getvalue(), f'{number}.png')
extraction.index_pending()
image = Image.objects.first()
locks = []
for name in ('files', 'rebuild'):
    locks.append(open(settings.LOCKS_DIR / f'{name}.lock', 'w'))
    fcntl.flock(locks[-1], fcntl.LOCK_EX)
writer = sqlite3.connect(settings.DATABASES['default']['NAME'], isolation_level=None)
writer.execute('BEGIN IMMEDIATE')
client, started_at = Client(SERVER_NAME='localhost'), time.monotonic()
pages = [f'/images/{image.pk}/similar/', '/images/', f'/images/{image.pk}/', f'/api/images/{image.pk}/similar']
statuses = {page: client.get(page).status_code for page in pages}
print(json.dumps([sorted(set(statuses.values())), time.monotonic() - started_at < 10]))
"""


def test_a_search_needs_no_write_lock(installation):
    """Another process has locked the database for writing, the files and the index."""
    assert installation.run(SEARCH_WHILE_OTHERS_WRITE) == [[200], True]
