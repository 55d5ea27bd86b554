"""The sources that come with the program: the models of its catalogue, and papers that it has cards of."""

from anyres.advisor.brief import Brief, source_of
from anyres.advisor.cards import cards
from anyres.models.catalog import CATALOG


def builtin_brief(question: str) -> Brief:
    """A question with what is built in: the catalogue's models are recommended, the other papers related."""
    models = tuple(
        source_of(
            {"name": row.id, "detailed_category": row.task, "paper": row.paper, "github": row.code},
            kind="model",
            number=number,
        )
        for number, row in enumerate(CATALOG, start=1)
    )
    known = {source.paper_id for source in models}
    others = [card for card in cards().values() if card.paper not in known]
    papers = tuple(
        source_of(
            {"title": card.title, "link": card.link, "github": card.github}, kind="paper", number=number
        )
        for number, card in enumerate(others, start=1)
    )
    return Brief(question, models, papers)
