"""Merge: two users become one, by a plan that is made first."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from .._codec import user_from, user_put
from .._commits import Decision, load, record_refusal, refusals_recorded
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..errors import AdmitError, InvalidInput, NotAllowed, PlanOutdated, Vetoed
from ..lifecycle import move, triggers_from
from ..merging import MergePlan
from ..records import Identity, Session, User
from ..stores import Cursor, Put
from .calling_session import carried_on, check_open
from .custom_data import moving
from .erasures import begun_of_unlinked
from .first_proof import named
from .gaining import gain, told_apart
from .notices import with_link_notices, with_notice
from .prepared import Finish, Prepared, done
from .registering import registers
from .removal import removed
from .runs import login_address
from .together import Both, change_both
from .usable import can_be_linked, usable

Adjust = Callable[[MergePlan], "MergePlan | str"]
"""The application's part: returns the plan as it shall be, or a sentence that refuses it."""
_PAGE = 100


def plan_merge(core: Core, into_id: str, absorbed_id: str) -> MergePlan:
    """Return what a merge would do now; see `Identities.plan_merge`."""
    into, absorbed = load(core, into_id), load(core, absorbed_id)
    _check_mergeable(into, absorbed)
    return plan_of(core, into, absorbed)


def merge(
    core: Core,
    by: Acting,
    into_id: str,
    absorbed_id: str,
    *,
    plan: MergePlan | None = None,
    adjust: Adjust | None = None,
    asks: Session | None = None,
    absorbed_asks: Session | None = None,
) -> Prepared[User]:
    """Prepare a merge; see `Identities.merge`. *asks* and *absorbed_asks* are the sessions of the
    two users, when it is they who ask."""
    into, absorbed = load(core, into_id), load(core, absorbed_id)
    try:
        _check_mergeable(into, absorbed)
        agreed = _agreed(core, plan_of(core, into, absorbed), plan, adjust)
    except AdmitError as problem:
        record_refusal(core, by, into, "merge", problem.code)
        raise
    with refusals_recorded(core, by, into, "merge"):
        core.plugins.veto("before_merge", plan=agreed)

    def decide(settle: bool) -> Finish[User]:
        user, _ = change_both(
            core, by, into.id, absorbed.id, carry_out, asked="merge", settle=settle
        )
        return done(user)

    def carry_out(one: User, other: User) -> Both[None]:
        check_open(core, one, asks)
        check_open(core, other, absorbed_asks)
        _check_mergeable(one, other)
        return decide_absorption(
            core, by, _applied(agreed, plan_of(core, one, other)), asks, trigger="merge"
        )

    return Prepared(decide)


def plan_of(core: Core, into: User, absorbed: User) -> MergePlan:
    """Return what would become of two users: the survivor keeps all it has, and gets what can be
    linked and does not collide with that."""
    offers = core.plugins.offers("register_providers")
    once = {name for name, offer in offers.items() if registers(offer)}
    if core.settings.password_provider not in offers:  # then it is known by the setting
        once.add(core.settings.password_provider)
    had = {identity.provider for identity in into.identities}

    def moves(identity: Identity) -> bool:
        if identity.provider in once and identity.provider in had:
            return False
        offer = offers.get(identity.provider)
        return offer is None or can_be_linked(offer)

    moved = tuple(filter(moves, absorbed.identities))
    return MergePlan(
        into=into,
        absorbed=absorbed,
        identities=(*into.identities, *moved),
        once=frozenset(once),
        drops_custom_data=moving(core, absorbed.id, into.id).collides,
    )


def decide_absorption(
    core: Core, by: Acting, plan: MergePlan, asks: Session | None, *, trigger: str
) -> Both[None]:
    """Decide that one user absorbs another as *plan* says: `merge`, or `link` of one never used.

    Both happen in one commit, with the tombstones that lead to the absorbed one: they lead on.
    """
    into, absorbed = plan.into, plan.absorbed
    stays = {address.canonical for address in plan.addresses}
    base = evolve(
        into,
        identities=tuple(i for i in into.identities if i in plan.identities),
        addresses=tuple(a for a in into.addresses if a.canonical in stays),
        first_log_in_at=min(
            filter(None, (into.first_log_in_at, absorbed.first_log_in_at)), default=None
        ),
    )
    coming = tuple(a for a in absorbed.addresses if a.canonical in stays)
    new = gain(core, base, told_apart(core, into, plan.moves), coming, asks).user
    if trigger == "merge" and new.epoch == into.epoch:
        new = evolve(new, epoch=into.epoch + 1)
    if trigger == "link":
        new, told = with_link_notices(core, by, into, new)
    else:
        new, told = _with_notices(core, by, new, absorbed)
    both = evolve(into, identities=plan.all_identities)
    new, erases = begun_of_unlinked(core, both, new)
    data = moving(core, absorbed.id, into.id)
    said, detail = _said(plan, new)
    if data.put or data.collides:
        said["custom_data"] = "moved" if data.put else "dropped"
    happening = Happening(trigger, codes=said, detail=detail)
    one: Decision[None] = Decision(
        result=None,
        new=new,
        happenings=(happening, *told),
        put=(
            *carried_on(core, asks, into, new, links=trigger == "link"),
            *_led_on(core, absorbed, into),
            *data.put,
            *erases,
        ),
        remove=data.remove,
    )
    codes = {"by": into.id, "cause": trigger}
    ends = Happening("absorb", absorbed.state, move(absorbed.state, "absorb").state, codes=codes)
    other = removed(core, absorbed, "absorb", None, absorbed_by=into.id)
    return Both(one, other._replace(happenings=(ends,)))


def _with_notices(
    core: Core, by: Acting, user: User, absorbed: User
) -> tuple[User, tuple[Happening, ...]]:
    """Tell the owner of the account that is left, and of the one that is not."""
    user, told = with_notice(core, by, user, "merged")
    mine, other = login_address(core, user), login_address(core, absorbed)
    if other is None or (mine is not None and mine.canonical == other.canonical):
        return user, told
    user, also = with_notice(core, by, user, "merged", other)
    return user, (*told, *also)


def _led_on(core: Core, absorbed: User, into: User) -> tuple[Put, ...]:
    """Return the writes that let the ids which lead to *absorbed* lead to its survivor."""
    puts: list[Put] = []
    after: Cursor | None = Cursor(absorbed.id, "")
    while after is not None:
        page = core.store.page("user", "absorbed-by", after, _PAGE)
        for record in page.items:
            tombstone = user_from(record)
            if tombstone.absorbed_by != absorbed.id:
                return tuple(puts)
            if tombstone.id == into.id:
                continue  # absorbed the other way since it was read: the commit will find it moved
            puts.append(user_put(evolve(tombstone, absorbed_by=into.id), record.version))
        after = page.next
    return tuple(puts)


def _said(plan: MergePlan, new: User) -> tuple[dict[str, str], dict[str, object]]:
    """Return the codes and the detail of the survivor's event."""
    gone = tuple(
        i for i in plan.all_identities if not any(_name(i) == _name(j) for j in new.identities)
    )
    codes: dict[str, str] = {"absorbed": plan.absorbed.id}
    detail: dict[str, object] = {}
    for name, identities in (("moved", plan.moves), ("dropped", gone)):
        if identities:
            codes[name] = ", ".join(dict.fromkeys(i.provider for i in identities))
            detail[name] = named(identities)
    return codes, detail


def _agreed(core: Core, now: MergePlan, plan: MergePlan | None, adjust: Adjust | None) -> MergePlan:
    """Return the plan to carry out: the one that was shown, else today's, as the application
    adjusts it.

    Raises:
        PlanOutdated: the one that was shown is about other identities than there are.
        Vetoed: the application refused. InvalidInput: the adjusted one cannot be carried out.
    """
    wanted = now if plan is None else _applied(plan, now)
    if adjust is not None:
        answer = adjust(wanted)
        if isinstance(answer, str):
            raise Vetoed("application", answer)
        if not isinstance(answer, MergePlan):
            raise InvalidInput("adjust", "must return a MergePlan, or a sentence.")
        wanted = _applied(answer, now)
    _check_plan(core, wanted)
    return wanted


def _applied(plan: MergePlan, now: MergePlan) -> MergePlan:
    """Return *plan*, about the two users as they are now. Raises PlanOutdated."""
    if not isinstance(plan, MergePlan):
        raise InvalidInput("plan", "must be a MergePlan.", "Make it with plan_merge().")
    if (plan.into.id, plan.absorbed.id) != (now.into.id, now.absorbed.id):
        raise InvalidInput("plan", "is about other users.", "Make one about these.")
    if set(map(_name, plan.all_identities)) != set(map(_name, now.all_identities)):
        raise PlanOutdated
    if now.drops_custom_data and not plan.drops_custom_data:
        raise PlanOutdated  # nobody was told that it would be lost
    wanted = set(map(_name, plan.identities))
    identities = tuple(i for i in now.all_identities if _name(i) in wanted)
    if len(identities) != len(plan.identities):
        raise InvalidInput("plan", "names an identity that is neither user's, or one twice.")
    return attrs.evolve(now, identities=identities)


def _name(identity: Identity) -> tuple[str, str]:
    """Who somebody is at a provider: several of its issuers may give the same id."""
    return identity.provider, identity.login_key or identity.id


def _check_plan(core: Core, plan: MergePlan) -> None:
    providers = [i.provider for i in plan.identities if i.provider in plan.once]
    if len(set(providers)) != len(providers):
        raise InvalidInput("plan", "has two logins of one provider, of which one can stay.")
    after = evolve(plan.into, identities=plan.identities, addresses=plan.addresses)
    could_be = usable(core, plan.into) or usable(core, plan.absorbed)
    if could_be and not usable(core, after):
        raise InvalidInput("plan", "leaves no way to log in.")


def _check_mergeable(into: User, absorbed: User) -> None:
    """Raises InvalidInput: it is one user; NotAllowed: one of them is not simply confirmed."""
    if into.id == absorbed.id:
        raise InvalidInput("absorbed", "is the same user.")
    for user in (into, absorbed):
        if user.type != "normal":
            raise NotAllowed("a server's", "merge", ())
        if user.state != "confirmed":
            raise NotAllowed(user.state, "merge", triggers_from(user.state))
        if user.disabled:
            raise NotAllowed("disabled", "merge", ("enable",))
        if user.delete_at is not None:
            raise NotAllowed("about to be deleted", "merge", ("restore",))
