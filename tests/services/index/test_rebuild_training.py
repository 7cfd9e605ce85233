"""A rebuild trains on the stored descriptors, and searches use the result after the activation."""

import pytest

from catalog.exceptions import ImageSearchError
from catalog.models import Collection, Generation, Image, Projection
from catalog.services.index import rebuilding, spaces
from catalog.services.index.training import generation_training
from catalog.services.index.training.code_specs import CodeSpec
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.options import SearchOptions
from catalog.vectors.calibration import SimilarityLevel
from catalog.vectors.codes import supervised_hashing
from tests.services.index.store_helpers import add_clustered_images, kill_this_process, ranked_ids


def test_rebuild_trains_a_projection_that_searches_use(catalogue, picture):
    images = add_clustered_images()
    photo, image = queries.extract_query(picture(2)), queries.image_query(images[0])
    before, plain = (ranking.search(query, SearchOptions(limit=200)) for query in (photo, image))
    generation = rebuilding.rebuild().generation
    after, projected = (ranking.search(query, SearchOptions(limit=200)) for query in (photo, image))
    assert generation.training_image_count == 126
    assert generation.projection_id
    assert spaces.active_generation().projection_id == generation.projection_id
    assert before.total == after.total == 126
    assert before.hits[0].image == after.hits[0].image == catalogue[2]
    assert after.hits[0].score >= 0.999
    assert (before.hits[0].similarity_level, after.hits[0].similarity_level) == (None, SimilarityLevel.SAME)
    # Plain cosines of these images are all well above 0. Centred, those of different ones are about 0.
    assert min(hit.score for hit in plain.hits if hit.image in images) > 0.1
    assert min(hit.score for hit in projected.hits if hit.image in images) < 0


def test_search_continues_during_rebuild_training(catalogue, monkeypatch):
    def train_and_search(*args, **options):
        train(*args, **options)
        seen.append(ranked_ids(catalogue[0]))

    add_clustered_images()
    before, seen, train = ranked_ids(catalogue[0]), [], generation_training.train
    monkeypatch.setattr(generation_training, "train", train_and_search)
    rebuilding.rebuild()
    assert seen == [before]
    assert ranked_ids(catalogue[0]) != before


def test_an_image_deleted_between_training_and_activation_is_not_found(catalogue, monkeypatch):
    def train_and_delete_image(*args, **options):
        train(*args, **options)
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))

    add_clustered_images()
    query, train = queries.image_query(catalogue[0]), generation_training.train
    monkeypatch.setattr(generation_training, "train", train_and_delete_image)
    rebuilding.rebuild()
    results = ranking.search(query, SearchOptions(limit=200))
    assert results.total == 125
    assert catalogue[0] not in [hit.image for hit in results.hits]


@pytest.mark.slow
def test_two_generations_and_their_projections_are_kept(transactional_db):
    made = []
    for seed in range(4):
        add_clustered_images(seed=seed)
        made.append(rebuilding.rebuild().generation)
    assert len({generation.projection_id for generation in made}) == 4
    generations = Generation.objects.order_by("pk")
    assert list(generations) == made[-2:]
    assert [generation.state for generation in generations] == [Generation.State.RETIRED, Generation.State.ACTIVE]
    assert set(Projection.objects.values_list("pk", flat=True)) == {
        generation.projection_id for generation in made[-2:]
    }


def test_rebuild_of_unchanged_catalogue_trains_the_same(db):
    add_clustered_images()
    first, again = (rebuilding.rebuild().generation for _ in range(2))
    assert first != again
    assert (first.projection_id, first.calibration) == (again.projection_id, again.calibration)


def test_a_catalogue_of_few_images_is_rebuilt_without_a_projection(catalogue):
    before = ranked_ids(catalogue[0])
    generation = rebuilding.rebuild().generation
    assert (generation.training_image_count, generation.projection, generation.calibration) == (6, None, None)
    assert ranked_ids(catalogue[0]) == before


@pytest.mark.slow
def test_a_rebuild_after_most_images_were_deleted_uses_plain_cosines_again(catalogue):
    before = ranked_ids(catalogue[0])
    others = add_clustered_images()
    rebuilding.rebuild()
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in others]))
    assert spaces.active_generation().projection
    rebuilding.rebuild()
    assert spaces.active_generation().projection is None
    assert ranked_ids(catalogue[0]) == before


@pytest.mark.slow
def test_a_training_that_is_killed_leaves_the_active_generation(db, monkeypatch):
    images = add_clustered_images(12, 10)
    Image.objects.update(collection=Collection.objects.create(name="Half"))
    Image.objects.filter(pk__lt=images[60].pk).update(collection=Collection.objects.create(name="Other half"))
    before = spaces.active_generation()
    monkeypatch.setattr(supervised_hashing, "train_encoder", kill_this_process)
    with pytest.raises(ImageSearchError, match="process that trains the codes was killed"):
        rebuilding.rebuild(CodeSpec(24, "collection"))
    assert spaces.active_generation() == before
    assert rebuilding.rebuild().images == 120
