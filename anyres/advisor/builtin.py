"""The sources that come with the program: the models of its catalogue, and papers that it has cards of."""

from anyres.advisor.brief import Brief, brief_of_lists
from anyres.advisor.cards import cards
from anyres.advisor.sources import Source
from anyres.models.catalog import CATALOG


def builtin_brief(question: str) -> Brief:
    """A question with what is built in: the catalogue's models are recommended, the other papers related."""
    models = [
        {"name": row.id, "detailed_category": row.task, "paper": row.paper, "github": row.code}
        for row in CATALOG
    ]
    known = {source.paper_id for source in brief_of_lists("", models, ()).models}
    papers = [
        {"title": card.title, "link": card.link, "github": card.github}
        for card in cards().values()
        if card.paper not in known
    ]
    return brief_of_lists(question, models, papers)


def here() -> Source:
    """What this installation can run, as a source: the methods of its catalogue."""
    runs = "; ".join(f"{row.id} (arXiv {row.paper.rpartition('/')[2]}), to {row.task}" for row in CATALOG)
    return Source("here", "run", {"name": "what is installed here", "runs": f"Installed here are: {runs}."})
