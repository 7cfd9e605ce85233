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

settings.RESULTS_PER_PAGE = 1

def picture(number):
    out = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Pixels.fromarray(pixels).save(out, 'PNG')
    out.name, _ = f'{number}.png', out.seek(0)
    return out

for number in range(2):
    uploads.add_picture(picture(number).getvalue(), f'{number}.png')
extraction.index_pending()
image = Image.objects.first()
locks = []
for name in ('files', 'rebuild'):
    locks.append(open(settings.LOCKS_DIR / f'{name}.lock', 'w'))
    fcntl.flock(locks[-1], fcntl.LOCK_EX)
writer = sqlite3.connect(settings.DATABASES['default']['NAME'], isolation_level=None)
writer.execute('BEGIN IMMEDIATE')
client, started_at = Client(SERVER_NAME='localhost'), time.monotonic()
results, more = (client.post('/search/', {'photo': picture(number)}).headers['Location'] for number in (7, 8))
refined = client.post('/search/', {'photo': picture(9), 'add_to_url': results}).headers['Location']
again = client.post('/search/', {'photo': picture(7)}).headers['Location']
pages = [f'/images/{image.pk}/similar/', '/images/', f'/images/{image.pk}/', f'/api/images/{image.pk}/similar']
pages += [results, refined, f'{results}photo', f'{results}?crop=4,4,40,40', f'{results}?page=2', f'{results}?expand=1']
token = more.split('/')[2]
pages += [f'{results}?positive={image.pk}&negative={token}', f'/images/{image.pk}/?query={token}']
pages += [f'{results}explanation/{image.pk}/photo.webp']
statuses = {page: client.get(page).status_code for page in pages}
statuses['API'] = client.post('/api/search', {'photo': picture(7)}).status_code
print(json.dumps([sorted(set(statuses.values())), again == results, time.monotonic() - started_at < 20]))
"""


def test_a_search_needs_no_write_lock(installation):
    """Another process has locked the database for writing, the files and the index.

    The searches are those of pages and of the API: with a photo, the same again, refined, with an area, and by page.
    """
    assert installation.run(SEARCH_WHILE_OTHERS_WRITE) == [[200], True, True]
