"""Briefs of a few lines for the tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from anyres.advisor.answer import Answer
from anyres.advisor.ask import answer_of
from anyres.advisor.brief import brief_of

LIIF = {
    "name": "SISR-Any-LIIF-RDN",
    "paper": "https://arxiv.org/pdf/2012.09161",
    "github": "https://github.com/yinboc/liif",
}
EDSR = {"name": "EDSR x2", "detailed_category": "SISR x2", "paper": "https://arxiv.org/abs/1707.02921"}
DEBLUR = {
    "name": "DeblurGAN-v2",
    "detailed_category": "Motion Deblurring",
    "summary": "Takes a photograph blurred by motion and gives a sharp one of the same size.",
}
DENOISER = {
    "name": "DnCNN",
    "detailed_category": "Denoising",
    "summary": "Takes a noisy picture and gives a clean one of the same size.",
}
DETECTOR = {"name": "DETR-R50", "detailed_category": "Object Detection"}
FEATSHARP = {
    "title": "FeatSharp: Your Vision Model Features, Sharper",
    "link": "http://arxiv.org/pdf/2502.16025v1.pdf",
    "summary": "It takes the feature maps of a vision encoder and gives feature maps of a higher resolution.",
}


def asked(
    question: str, *models: Mapping[str, Any], papers: Sequence[Mapping[str, Any]] = (), language: Any = None
) -> Answer:
    """The answer to a question with these models and papers."""
    return answer_of(brief_of({"question": question, "models": models, "papers": papers}), language=language)


def text_of(answer: Answer) -> str:
    """All sentences, one a line."""
    return "\n".join(sentence.text for sentence in answer.sentences)
