"""The page of a diagnosis: what it says, why it matters, what to do, its thresholds and its question."""

from debugstore.analysis.diagnosis import Diagnosis
from debugstore.render.page import MarkdownPage, Page, TerminalPage


def render(diagnosis: Diagnosis, *, format: str = "table", color: bool = False, width: int = 80) -> str:
    """Return the page of a diagnosis without a last line end: ``markdown``, or for a terminal in any other format."""
    page: Page = MarkdownPage() if format == "markdown" else TerminalPage(width, color)
    page.title(diagnosis.code, f"{diagnosis.severity}{_alone(diagnosis)}")
    page.gap()
    page.line(f"{diagnosis.title}.")
    page.gap()
    page.labelled("why", diagnosis.why)
    page.labelled("do", diagnosis.remedy)
    if diagnosis.silent_on:
        page.labelled("silent", f"on {diagnosis.silent_on}")
    page.labelled("needs", ", ".join(diagnosis.needs))
    if diagnosis.explains:
        effects = [f"{code} (if later)" if later else code for code, later in diagnosis.explains.items()]
        page.labelled("explains", ", ".join(effects))
    params = diagnosis.query.params.values()
    if params:
        page.gap()
        page.line("Thresholds")
        for param in params:
            page.note(f"{param.name} = {param.default:g}: {param.reason}")
    return page.text()


def _alone(diagnosis: Diagnosis) -> str:
    """Say what a finding is where no effect of it is seen."""
    if diagnosis.needs_effect:
        return "; silent where no effect is seen"
    return f"; {diagnosis.without_effect} where no effect is seen" if diagnosis.without_effect else ""
