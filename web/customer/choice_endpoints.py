"""Ask about a choice, record it, and take it back: GET asks, POST acts, and a page of its own says what was done."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from models.customers import STANDING, Act
from tasks.customers.choice_errors import ChoiceConflict, ChoiceNotPossible, NotOffered, StatementChanged, TooLate
from tasks.customers.record_choice import ChoiceRequest
from templates.rendering.names import strip_control_chars
from web.customer.act_view import act_view, option_keys
from web.customer.form_bodies import read_form
from web.customer.forms import UNDO, WHY, FormSigner, FormToken
from web.customer.order_endpoints import find_choice
from web.customer.outcomes import conflict_view, impossible_view, stays_view
from web.customer.service import OrderService
from web.customer.site import Site
from web.customer.view_models import NoticeView
from web.customer.visits import MissingLink, Visit, Visits

PROBLEMS = {Act.SWAP: "choose_swap", Act.CANCEL: "choose_cancel"}
SEE_OTHER, CONFLICT, UNPROCESSABLE = 303, 409, 422


class ChoiceEndpoints:
    """The pages of each act."""

    def __init__(self, site: Site, service: OrderService, visits: Visits, signer: FormSigner) -> None:
        self._site, self._service, self._visits, self._signer = site, service, visits, signer

    def ask(self, request: Request) -> Response:
        """Return the page that asks; a choice that stands already is shown instead."""
        visit, act = self._visits.open(request), _act(request)
        if act in visit.page.open.acts:
            return self._ask(visit, act)
        standing = (choice for choice in visit.page.choices if choice.act is act and choice.state in STANDING)
        if choice := next(standing, None):
            return _see(visit.links.answer(choice.number))
        return self._not_offered(visit)

    async def choose(self, request: Request) -> Response:
        """Record a choice."""
        form = await read_form(request)
        return await run_in_threadpool(self._choose, request, form)

    async def undo(self, request: Request) -> Response:
        """Take a choice back."""
        form = await read_form(request)
        return await run_in_threadpool(self._undo, request, form)

    async def give_reason(self, request: Request) -> Response:
        """Store why the customer chose so."""
        form = await read_form(request)
        return await run_in_threadpool(self._give_reason, request, form)

    def _choose(self, request: Request, form: dict[str, str]) -> Response:
        visit, act = self._visits.open(request), _act(request)
        token = self._signer.read(form.get("form", ""), visit.link_id, act)
        option = form.get("option", "") if len(token.stated) != 1 else next(iter(token.stated))
        if option not in token.stated:
            return self._ask_again(visit, act)
        try:
            choice = self._service.choose(_request(visit, act, option, token), visit.now)
        except ChoiceConflict as conflict:
            page = self._service.load(visit.page.order_id, visit.now)
            return self._notice(visit, conflict_view(visit.words, visit.links, page, conflict))
        except StatementChanged as changed:
            return self._ask_changed(visit, act, changed)
        except ChoiceNotPossible as problem:
            return self._notice(visit, impossible_view(visit.words, visit.links, problem))
        return _see(visit.links.answer(choice.number))

    def _undo(self, request: Request, form: dict[str, str]) -> Response:
        visit = self._visits.open(request)
        choice = find_choice(visit, request)
        self._signer.read_about(form, visit.link_id, UNDO, choice.number)
        try:
            choice = self._service.undo(visit.page.order_id, choice.number, visit.link_id, visit.now)
        except ChoiceNotPossible as problem:
            return self._notice(visit, stays_view(visit.words, visit.links, problem))
        return _see(visit.links.answer(choice.number))

    def _give_reason(self, request: Request, form: dict[str, str]) -> Response:
        visit = self._visits.open(request)
        choice = find_choice(visit, request)
        self._signer.read_about(form, visit.link_id, WHY, choice.number)
        if why := strip_control_chars(form.get("why", "")):
            self._service.give_reason(visit.page.order_id, choice.number, why)
        return _see(visit.links.answer(choice.number))

    def _ask(self, visit: Visit, act: Act, *, status: int = 200, problem: str = "", notice: str = "") -> Response:
        page = visit.page
        stated = {key: self._service.digest(page, act, key) for key in option_keys(page, act)}
        form = self._signer.sign(visit.link_id, act, page.version, stated)
        view = act_view(visit.words, visit.links, self._site, page, act, form, problem)
        return self._site.page(
            "act.html",
            visit.words,
            visit.links,
            here=visit.here,
            withdraws=visit.withdraws,
            status=status,
            view=view,
            notice=notice,
        )

    def _ask_again(self, visit: Visit, act: Act) -> Response:
        """Return the form once more, because nothing was chosen in it."""
        if act not in visit.page.open.acts:
            return self._not_offered(visit)
        if len(option_keys(visit.page, act)) == 1:
            return self._ask_changed(visit, act, StatementChanged(visit.page))
        return self._ask(visit, act, status=UNPROCESSABLE, problem=visit.words.say(PROBLEMS[act]))

    def _ask_changed(self, visit: Visit, act: Act, changed: StatementChanged) -> Response:
        """Return the form with what holds now, because what it said does not any more."""
        if act not in changed.page.open.acts:
            return self._notice(visit, impossible_view(visit.words, visit.links, changed))
        title, text = visit.words.say("changed_title"), visit.words.say("changed_text")
        return self._ask(visit.with_page(changed.page), act, status=CONFLICT, notice=f"{title}. {text}")

    def _not_offered(self, visit: Visit) -> Response:
        problem = (TooLate if visit.page.open.too_late else NotOffered)(visit.page)
        return self._notice(visit, impossible_view(visit.words, visit.links, problem))

    def _notice(self, visit: Visit, view: NoticeView) -> Response:
        return self._site.page(
            "notice.html",
            visit.words,
            visit.links,
            here=visit.here,
            withdraws=visit.withdraws,
            status=CONFLICT,
            view=view,
        )


def _act(request: Request) -> Act:
    try:
        return Act(request.path_params["act"])
    except ValueError as error:
        raise MissingLink from error


def _request(visit: Visit, act: Act, option: str, token: FormToken) -> ChoiceRequest:
    return ChoiceRequest(
        visit.page.order_id,
        act,
        token.form,
        token.version,
        option=option,
        link_id=visit.link_id,
        stated=token.stated[option],
    )


def _see(url: str) -> Response:
    return RedirectResponse(url, SEE_OTHER)
