"""Proposals of regions: the parts of a photo that the catalogue knows best."""

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.demo.drawing import KINDS, draw_picture
from catalog.imaging.crops import Box
from catalog.imaging.decoders import Rendering
from catalog.models import FeatureSpace, Image
from catalog.services.search import queries, ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.services.search.regions import proposals
from catalog.services.search.regions.proposals import MAX_OVERLAP, MAX_REGIONS, overlaps, propose_regions
from tests.services.search.regions.cluttered import PHOTO_SIZE, THING, add_things, cluttered_photo, to_jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture
def things() -> list[Image]:
    return add_things()


def test_the_thing_in_a_cluttered_photo_is_proposed_first(things):
    found = propose_regions(cluttered_photo(KINDS[1]))
    share = np.array(THING) / np.array([*PHOTO_SIZE, *PHOTO_SIZE])
    assert 1 <= len(found.regions) <= MAX_REGIONS
    assert overlaps(np.array([found.regions[0].share]), share)[0] > 0.4
    assert found.meant is found.regions[0]
    assert found.query is found.regions[0].query
    best = ranking.search(found.query).hits[0]
    assert best.image.source.startswith(KINDS[1])
    assert best.score > ranking.search(found.whole).hits[0].score + 0.05


def test_regions_are_sorted_and_hardly_overlap(things):
    regions = propose_regions(cluttered_photo(KINDS[0])).regions
    scores = [region.score for region in regions]
    assert scores == sorted(scores, reverse=True)
    boxes = np.array([region.share for region in regions])
    for position in range(len(boxes)):
        assert (overlaps(boxes[:position], boxes[position]) <= MAX_OVERLAP).all()


def test_a_search_with_the_box_finds_the_same(things):
    photo = cluttered_photo(KINDS[1])
    for region in propose_regions(photo).regions:
        assert region.query.vector @ queries.extract_query(photo, region.box).vector > 0.98


def test_a_picture_of_the_catalogue_is_meant_as_a_whole(things):
    found = propose_regions(to_jpeg(draw_picture(KINDS[2], 1).resize((320, 240))))
    assert found.meant is None
    assert found.query is found.whole
    assert found.regions  # and yet one may choose a part


def test_only_images_that_pass_the_filters_count(things):
    photo = cluttered_photo(KINDS[1])
    others = SearchOptions(filters=Filters(words=KINDS[3]))
    unfiltered, filtered = propose_regions(photo), propose_regions(photo, others)
    assert max(region.score for region in filtered.regions) < unfiltered.regions[0].score - 0.1
    nothing = propose_regions(photo, SearchOptions(filters=Filters(words="nothing has this name")))
    assert {region.score for region in nothing.regions} == {0.0}
    assert nothing.meant is None


def test_a_network_that_describes_no_windows_proposes_nothing(things, monkeypatch):
    monkeypatch.setattr("catalog.features.windows.EXTRACTOR_CONFIGS", {})
    found = propose_regions(cluttered_photo(KINDS[1]))
    assert (found.regions, found.meant) == ((), None)
    assert np.allclose(found.query.vector, queries.extract_query(cluttered_photo(KINDS[1])).vector, atol=1e-5)
    assert not proposals.has_regions(FeatureSpace.objects.get())


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (4000, 3000)])
def test_boxes_lie_inside_the_photo(size):
    rendering = Rendering("JPEG", ".jpg", *size, size, (), ())
    for share in ([0, 0, 1, 1], [0.99, 0.99, 0.01, 0.01], [0.4, 0.2, 0.6, 0.8]):
        box = proposals.pixel_box(share, rendering)
        assert isinstance(box, Box)
        assert box.x + box.width <= size[0]
        assert box.y + box.height <= size[1]


def test_a_tiny_and_a_narrow_photo_have_regions_or_none(things):
    for size in ((16, 16), (900, 20), (20, 900)):
        propose_regions(to_jpeg(Pixels.effect_noise(size, 80).convert("RGB")))
