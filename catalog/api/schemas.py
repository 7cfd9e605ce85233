"""The JSON objects that the API returns."""

from datetime import datetime

from django.db.models import prefetch_related_objects
from ninja import Field, Schema

from catalog.error_messages import hide_folders
from catalog.models import Image
from catalog.services.search.explanations import Contributions
from catalog.services.search.ranking import Results
from catalog.services.search.regions.proposals import MAX_REGIONS, Proposals
from catalog.similarity_labels import SIMILARITY_LABELS
from catalog.vectors.calibration import MIN_IMAGES, SimilarityLevel

LEVEL_NAMES = ", ".join(f"`{level}` ({label})" for level, label in SIMILARITY_LABELS.items())


class ImageOut(Schema):
    id: int
    title: str = Field(description="A title given by staff; empty if there is none.")
    source: str = Field(description="The name of the file that was uploaded or imported.")
    collection: str | None = Field(description="The name of the collection, if the image belongs to one.")
    tags: list[str] = Field(description="The names of the tags.")
    status: str = Field(description="`pending` (waiting to be indexed), `indexed` (searchable) or `failed`.")
    failure_reason: str = Field(description="Why the image could not be indexed; empty unless the status is `failed`.")
    sha256: str = Field(description="The SHA-256 digest of the original file, in hexadecimal.")
    format: str = Field(description="The file format of the original, for example `JPEG`.")
    width: int = Field(description="The width of the upright picture in pixels.")
    height: int = Field(description="The height of the upright picture in pixels.")
    bytes: int = Field(description="The size of the original file in bytes.")
    created_at: datetime = Field(description="When the image was added.")
    url: str = Field(description="The page of the image, relative to the root of the site.")
    thumbnail_url: str = Field(description="The thumbnail, relative to the root of the site.")
    original_url: str = Field(description="The original, for visitors without metadata, relative to the root.")

    @staticmethod
    def resolve_collection(image: Image) -> str | None:
        return image.collection.name if image.collection else None

    @staticmethod
    def resolve_tags(image: Image) -> list[str]:
        return [tag.name for tag in image.tags.all()]

    @staticmethod
    def resolve_failure_reason(image: Image) -> str:
        return hide_folders(image.failure_reason)

    @staticmethod
    def resolve_url(image: Image) -> str:
        return image.get_absolute_url()


class HitOut(Schema):
    rank: int = Field(description="The position in the results, from 1.")
    score: float = Field(
        description="How similar the image is to the photo, from -1 to 1; the same picture scores 1. "
        f"With {MIN_IMAGES} or more images, the ranking is fitted to the catalogue and the most similar images of each "
        "image take part, so that scores of different catalogues cannot be compared."
    )
    likeness: SimilarityLevel | None = Field(
        description=f"The similarity level in this catalogue: {LEVEL_NAMES}. "
        f"`{SimilarityLevel.SAME}` depends on the similarity of the two pictures without their neighbours, the other "
        "levels on the score. "
        f"Null if the catalogue has fewer than {MIN_IMAGES} images, or if `expand`, `more` or `less` is used."
    )
    image: ImageOut


class RegionOut(Schema):
    crop: str = Field(description="The region as the parameter `crop`: `x,y,width,height` in pixels.")
    share: tuple[float, float, float, float] = Field(
        description="Left, top, width and height of the region as fractions of the upright photo."
    )
    score: float = Field(description="How well the catalogue knows it. Only regions of one photo can be compared.")
    meant: bool = Field(
        description="Whether the hits are those of this region. If of none, they are of the whole photo."
    )

    @classmethod
    def from_proposals(cls, proposals: Proposals) -> list[dict[str, object]]:
        return [
            {"crop": str(region.box), "share": region.share, "score": region.score, "meant": region is proposals.meant}
            for region in proposals.regions
        ]


class ResultsOut(Schema):
    feature_space: str = Field(description="The feature space in which descriptors were compared.")
    seconds: float = Field(
        description="The duration of the search in seconds, without decoding the photo and extracting its descriptor."
    )
    total: int = Field(description="How many images were ranked: all searchable images that pass the filters.")
    damaged: list[str] = Field(
        description="Segments of the index that cannot be read. Their images are not found. "
        "Empty if the index is healthy."
    )
    nothing_alike: bool = Field(description="Whether even the best hit is only a weak match.")
    hits: list[HitOut] = Field(description="The results, best first.")
    regions: list[RegionOut] | None = Field(
        None,
        description=f"With `regions`, the parts of the photo that may be meant, at most {MAX_REGIONS}, the most likely "
        "first. Null without, or if the network of the catalogue cannot tell parts of a picture apart.",
    )

    @classmethod
    def from_results(cls, results: Results, proposals: Proposals | None = None) -> dict[str, object]:
        prefetch_related_objects([hit.image for hit in results.hits], "tags")
        hits = [
            {"rank": hit.rank, "score": hit.score, "likeness": hit.similarity_level, "image": hit.image}
            for hit in results.hits
        ]
        return {
            "feature_space": results.space.key,
            "seconds": results.seconds,
            "total": results.total,
            "damaged": results.damaged,
            "nothing_alike": results.only_weak_matches,
            "hits": hits,
            "regions": RegionOut.from_proposals(proposals) if proposals and proposals.regions else None,
        }


class ContributionsOut(Schema):
    contributions: list[list[float]] = Field(
        description="A grid over the picture: how much each area adds to the score, or subtracts from it. "
        "Rows run from top to bottom. The sum is the score."
    )
    overlay_url: str = Field(
        description="The picture with the contributing areas highlighted, in WebP, relative to the root of the site."
    )

    @classmethod
    def from_contributions(cls, contributions: Contributions, overlay_url: str) -> dict[str, object]:
        return {"contributions": contributions.grid.tolist(), "overlay_url": overlay_url}


class ExplanationOut(Schema):
    feature_space: str = Field(description="The feature space in which the images were compared.")
    score: float = Field(
        description="The similarity of the two images themselves, without their neighbours. "
        "The score of a search may be higher."
    )
    photo: ContributionsOut = Field(description="The contributions of the image `pk`.")
    image: ContributionsOut = Field(description="The contributions of the image `other`.")


class FileResultOut(Schema):
    name: str = Field(description="The name of the file.")
    outcome: str = Field(description="`added`, `duplicate` (an image with the same bytes exists) or `rejected`.")
    reason: str = Field(description="Why the file was rejected; empty otherwise.")
    image: ImageOut | None = Field(
        description="The new image, or the existing one for a duplicate; null if the file was rejected."
    )


class ImagePageOut(Schema):
    total: int = Field(description="How many images pass the filters.")
    images: list[ImageOut] = Field(description="The requested images, newest first.")


class HealthOut(Schema):
    indexed: int = Field(description="How many images are searchable.")
    pending: int = Field(description="How many images are waiting to be indexed.")
    failed: int = Field(description="How many images could not be indexed.")
    feature_space: str | None = Field(description="The active feature space; null before the first image is indexed.")
    notice: str | None = Field(
        description="A warning for staff, for example that the weights of the network are missing, or that VGG16's are "
        "not the file that Keras publishes. Others get null."
    )


class ErrorOut(Schema):
    detail: str = Field(description="What happened, and what to do about it.")


def errors(*statuses: int) -> tuple[int, ...]:
    """Return the statuses of an operation's `ErrorOut`: `statuses`, and those that every operation returns."""
    return (401, 403, *statuses, 422, 429, 503)
