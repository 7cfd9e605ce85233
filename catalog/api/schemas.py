"""What the API takes and gives."""

from datetime import datetime

from django.db.models import prefetch_related_objects
from ninja import Field, Schema

from catalog.models import Image
from catalog.services.explaining import Parts
from catalog.services.searching import Results
from catalog.vectors.calibration import Likeness


class ImageOut(Schema):
    id: int
    title: str
    source: str = Field(description="the file's name when it came in")
    collection: str | None
    tags: list[str]
    status: str = Field(description="pending, indexed (searchable) or failed")
    failure_reason: str
    sha256: str
    format: str
    width: int = Field(description="pixels, upright")
    height: int = Field(description="pixels, upright")
    bytes: int
    created_at: datetime
    url: str = Field(description="its page; like the next two, relative to the site")
    thumbnail_url: str
    original_url: str

    @staticmethod
    def resolve_collection(image: Image) -> str | None:
        return image.collection.name if image.collection else None

    @staticmethod
    def resolve_tags(image: Image) -> list[str]:
        return [tag.name for tag in image.tags.all()]

    @staticmethod
    def resolve_url(image: Image) -> str:
        return image.get_absolute_url()


class HitOut(Schema):
    rank: int
    score: float = Field(
        description="cosine similarity, -1 to 1; whitened by what the catalogue teaches once it has 100 images"
    )
    likeness: Likeness | None = Field(
        description="what the score is worth in this catalogue; null where it is too small to tell, or with `expand`"
    )
    image: ImageOut


class ResultsOut(Schema):
    feature_space: str
    seconds: float
    total: int = Field(description="images that pass the filters; all of them were ranked")
    damaged: list[str] = Field(description="segments that cannot be read, whose images are not found; none is well")
    nothing_alike: bool = Field(description="whether even the best of all is like the query by chance alone")
    hits: list[HitOut]

    @classmethod
    def of(cls, found: Results) -> dict[str, object]:
        prefetch_related_objects([hit.image for hit in found.hits], "tags")
        hits = [
            {"rank": hit.rank, "score": hit.score, "likeness": hit.likeness, "image": hit.image} for hit in found.hits
        ]
        return {
            "feature_space": found.space.key,
            "seconds": found.seconds,
            "total": found.total,
            "damaged": found.damaged,
            "nothing_alike": found.nothing_alike,
            "hits": hits,
        }


class PartsOut(Schema):
    contributions: list[list[float]] = Field(
        description="what each part of the picture adds to the score, or takes from it, row by row from the top; "
        "their sum is the score"
    )
    overlay_url: str = Field(description="the picture with those parts lit, as WebP")

    @classmethod
    def of(cls, parts: Parts, overlay_url: str) -> dict[str, object]:
        return {"contributions": parts.contributions.tolist(), "overlay_url": overlay_url}


class WhyOut(Schema):
    feature_space: str
    score: float = Field(description="cosine similarity of the two, as searches have it")
    photo: PartsOut = Field(description="of the image whose likes are sought")
    image: PartsOut = Field(description="of the other")


class OutcomeOut(Schema):
    name: str
    outcome: str = Field(description="added, duplicate or refused")
    reason: str = Field(description="why it was refused")
    image: ImageOut | None


class PageOut(Schema):
    total: int
    images: list[ImageOut]


class HealthOut(Schema):
    indexed: int
    pending: int
    failed: int
    feature_space: str | None
    notice: str | None = Field(description="what everybody should know about this catalogue, in a sentence")


class Problem(Schema):
    detail: str
