"""Activation: make a generation the one that searches use, and delete the generations that are no longer needed."""

from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from catalog.exceptions import CatalogueBusy
from catalog.models import BinaryEncoder, FeatureSpace, Generation, Image, Projection, Segment
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.index import code_cache, live_index, spaces, store
from catalog.services.jobs.progress import ACTIVATING, Progress, ignore_progress


@dataclass(frozen=True)
class RebuildResult:
    """The generation that a rebuild or a rollback activated.

    Attributes:
        images: the number of searchable images.
        segments: the number of segments of the generation's space.
    """

    generation: Generation
    images: int
    segments: int


def activate(
    generation: Generation, progress: Progress = ignore_progress, *, action: Action = Action.REBUILT
) -> RebuildResult:
    """Make a generation the active one, in one transaction. Images that it lacks become pending.

    Args:
        action: what the audit log calls it.

    Raises:
        CatalogueBusy: another machine has started a rebuild and deleted this generation.
    """
    live_index.sync_engine(generation)  # may take a while, so it is done before the generation is active
    with transaction.atomic():
        active = Generation.objects.select_for_update().filter(state=Generation.State.ACTIVE)
        active.update(state=Generation.State.RETIRED)
        building = Generation.objects.filter(pk=generation.pk)
        if not building.update(state=Generation.State.ACTIVE, activated_at=timezone.now()):
            raise CatalogueBusy(
                "Another machine has started a rebuild, so this one was cancelled. The previous index is still in use."
            )
        sync_image_status(generation.space)
        audit.record(action, generation, target=f"generation {generation.pk} of {generation.space}")
    _delete_old_generations()
    progress(ACTIVATING, 1, 1)
    return RebuildResult(generation, Image.objects.indexed().count(), generation.space.segments.count())


def previous_generation() -> Generation | None:
    """Return the generation that a rollback would activate."""
    return Generation.objects.filter(state=Generation.State.RETIRED).select_related("space").first()


def sync_image_status(space: FeatureSpace) -> None:
    """Mark images with a descriptor in the active `space` as indexed, and indexed images without one as pending."""
    Image.objects.indexed().filter(~spaces.has_descriptor_in(space)).set_pending()
    Image.objects.exclude(status=Image.Status.INDEXED).filter(spaces.has_descriptor_in(space)).update(
        status=Image.Status.INDEXED, failure_reason="", lease_owner="", lease_expires_at=None
    )


def _delete_old_generations() -> None:
    """Delete all generations but the active one, the previous one, and the last one of another space.

    Spaces are deleted with their generations. A space without generations belongs to a re-extraction that was stopped;
    it is kept for the next one.
    """
    active, *older = Generation.objects.select_related("space").order_by("-activated_at")
    of_other_spaces = [generation for generation in older if generation.space != active.space]
    retained = [active, *older[:1], *of_other_spaces[:1]]
    with transaction.atomic():
        unused_spaces = FeatureSpace.objects.exclude(pk__in=[generation.space_id for generation in retained]).exclude(
            generations=None
        )
        store.remove_segments(list(Segment.objects.filter(space__in=unused_spaces)))
        unused_space_ids = list(unused_spaces.values_list("pk", flat=True))
        Generation.objects.exclude(pk__in=[generation.pk for generation in retained]).delete()
        FeatureSpace.objects.filter(pk__in=unused_space_ids).delete()
        Projection.objects.filter(generation=None).delete()
        BinaryEncoder.objects.filter(generation=None).delete()
    live_index.drop_retired_generations()
    delete_unused_codes()


def delete_unused_codes() -> None:
    """Delete the codes and neighbour lists of generations and segments that no longer exist.

    Holds no lock, so it is for whoever holds that of rebuilds.
    """
    keys = {live_index.comparison_key(generation) for generation in Generation.objects.select_related("space")}
    segments = {Path(name).name for name in Segment.objects.values_list("name", flat=True)}
    code_cache.delete_unused(keys, segments)
