"""The form of a request and the bodies that the server returns, as OpenAPI describes them."""

from fastapi import UploadFile
from pydantic import BaseModel, Field


class ClipForm(BaseModel, extra="forbid"):
    """A clip to predict, with the choices of `medusa predict`."""

    file: UploadFile = Field(description="Sound in any format of libsndfile or ffmpeg.")
    classes: str | None = Field(None, description="Choose among these classes, comma-separated.")
    threshold: float | None = Field(None, ge=0, le=1, description="Below it, a label is unsure.")
    text: str | None = Field(None, description="The words of the clip, for models of given texts.")
    language: str | None = Field(None, description="The language of the clip, such as de.")
    vad: bool = Field(False, description="Cut the clip at silences.")
    window_s: float | None = Field(None, description="Cut it into windows of so many seconds.")
    hop_s: float | None = Field(None, description="The seconds from window to window.")


class RatedAttributes(BaseModel):
    """The attributes of an utterance, each from 1 to 7."""

    arousal: float
    valence: float
    dominance: float


class PredictedUtterance(BaseModel):
    """The prediction for one utterance of the clip."""

    start: float = Field(description="Seconds from the start of the clip.")
    end: float = Field(description="Seconds from the start of the clip.")
    label: str = Field(description='The most probable class, or "unsure" below the threshold.')
    confidence: float = Field(description="The posterior of the most probable class.")
    posteriors: dict[str, float] = Field(description="The posterior of each class; the sum is 1.")
    attributes: RatedAttributes | None = Field(description="Null if the model predicts none.")
    transcript: str | None = Field(description="Null if the model reads no text.")
    flags: list[str] = Field(description="Signs of something unusual, such as no-speech.")


class ClipPrediction(BaseModel):
    """The prediction for one clip."""

    id: str = Field(description="The id of the request.")
    model: str
    seconds: float = Field(description="The length of the clip.")
    utterances: list[PredictedUtterance] = Field(
        description="One for the whole clip, or one for each stretch of speech or each hop."
    )
    problems: list[str] = Field(description="Parts of the clip that could not be predicted.")


class ModelFacts(BaseModel):
    """The model and the limits of the server."""

    name: str
    kind: str | None
    digest: str
    classes: list[str]
    attributes: bool = Field(description="Whether the model predicts attributes.")
    text: bool = Field(description="Whether the model reads given words before it transcribes.")
    members: list[str]
    backbones: list[str]
    max_bytes: int
    max_seconds: float


class Health(BaseModel):
    """The state of the server."""

    status: str


class ErrorDetail(BaseModel):
    """An error, in the form that OpenAI's API gave to errors."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every status from 400 on."""

    error: ErrorDetail
