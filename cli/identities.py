"""`admit users identities`, `unlink`, `merge`, `change-address`: how a user is known."""

from __future__ import annotations

import click

from admit.merging import MergePlan
from admit.records import Identity, User

from . import bulk
from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .each import tell
from .output import Cell, moment, pairs, say, say_json, styled, table, visible
from .people import found, name_of, named
from .users import users


@users.command()
@click.argument("who")
@common_options
@json_option
@click.pass_obj
def identities(call: Invocation, who: str) -> None:
    """List a user's identities, and which of them it could log in with now."""
    with call.open(read_only=True) as engine:
        user = found(engine, who)
        usable = engine.identities.usable(user)
    if call.json:
        say_json([{"identity": i, "usable": i in usable} for i in user.identities])
        return
    say(
        table(
            ["PROVIDER", "ID", "LOGIN", "ADDED (UTC)", "CAN LOG IN"],
            [
                [
                    Cell(identity.provider, "strong"),
                    Cell(identity.id, "faint"),
                    identity.login_key or "–",
                    moment(identity.added_at),
                    Cell("yes", "good") if identity in usable else Cell("no", "waiting"),
                ]
                for identity in user.identities
            ],
        )
    )


@users.command()
@click.argument("who")
@click.argument("provider")
@click.option("--identity", metavar="ID", help="Which one, where there are several.")
@common_options
@reason_option
@json_option
@dry_run_option
@click.pass_obj
def unlink(call: Invocation, who: str, provider: str, identity: str | None) -> None:
    """Take an identity from a user, and end its sessions. The last one that it could log in with
    stays."""
    with call.open() as engine:
        user = engine.identities.unlink(**named(who), provider=provider, identity=identity)
        usable = engine.identities.usable(user)
    tell(call, user, f"It logs in with {_several(usable)} now. Its sessions have ended.")


@users.command()
@click.argument("into")
@click.argument("absorbed")
@click.option("--dry-run", is_flag=True, help="Only show what it would do.")
@click.option(
    "--take", "takes", metavar="PROVIDER", multiple=True, help="Where logins collide: ABSORBED's."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@reason_option
@json_option
@click.pass_obj
def merge(
    call: Invocation, into: str, absorbed: str, dry_run: bool, takes: tuple[str, ...], yes: bool
) -> None:
    """Merge the user ABSORBED into the user INTO, for good. What it will do is shown first.

    The id of ABSORBED leads to INTO from then on; the sessions of both end.
    """
    with call.open(read_only=dry_run) as engine:
        plan = engine.identities.plan_merge(found(engine, into), found(engine, absorbed))
        for provider in takes:
            plan = _taking(plan, provider)
        if dry_run and call.json:
            say_json(_said(plan))
        if not call.json:
            say(_shown(plan))
        if dry_run:
            return
        if not yes:
            bulk.ask(f"Merge {visible(name_of(plan.absorbed))} into {visible(name_of(plan.into))}?")
        user = engine.identities.merge(plan.into, plan.absorbed, plan=plan, adjust=lambda _: plan)
    if call.json:
        say_json(_said(plan) | {"user": user})
    else:
        say()
        say(f"{plan.absorbed.id} leads to {styled(name_of(user), 'strong')} now.")


@users.command("change-address")
@click.argument("who")
@click.argument("to")
@common_options
@reason_option
@json_option
@dry_run_option
@click.pass_obj
def change_address(call: Invocation, who: str, to: str) -> None:
    """Change the address of a confirmed user at once, without proof, and end its sessions."""
    with call.open() as engine:
        user = engine.identities.change_address_manually(**named(who), to=to)
    told_so = "The address is not proved. Its sessions have ended; the old address is told."
    tell(call, user, told_so)


def _taking(plan: MergePlan, provider: str) -> MergePlan:
    collision = next((c for c in plan.collisions if c.goes.provider == provider), None)
    if collision is None:
        raise click.UsageError(f"No logins of {visible(provider)} collide.")
    return plan.taking(collision.goes)


def _shown(plan: MergePlan) -> str:
    """Return what a merge will do, one thing a line."""
    return pairs(
        {
            "survivor": _who(plan.into),
            "absorbed": _who(plan.absorbed),
            "moves": _several(plan.moves),
            "is dropped": Cell(_several(plan.drops), "bad" if plan.drops else None),
            "collides": ", ".join(
                f"{name_of_identity(c.goes)} goes, {name_of_identity(c.stays)} stays"
                for c in plan.collisions
            )
            or "–",
            "addresses": ", ".join(address.typed for address in plan.addresses) or "–",
            "addresses dropped": ", ".join(a.typed for a in plan.drops_addresses) or "–",
            "custom data": Cell("the absorbed user's is dropped", "bad")
            if plan.drops_custom_data
            else "nothing is lost",
        }
    )


def _said(plan: MergePlan) -> dict[str, object]:
    """Return the same for programs."""
    return {
        "into": plan.into.id,
        "absorbed": plan.absorbed.id,
        "moves": plan.moves,
        "drops": plan.drops,
        "collisions": [{"stays": c.stays, "goes": c.goes} for c in plan.collisions],
        "addresses": plan.addresses,
        "drops_addresses": plan.drops_addresses,
        "drops_custom_data": plan.drops_custom_data,
    }


def _who(user: User) -> str:
    return f"{name_of(user)} ({user.id})"


def name_of_identity(identity: Identity) -> str:
    """Return what people call an identity: its provider and its login there."""
    return f"{identity.provider} {identity.login_key or identity.id}"


def _several(identities: tuple[Identity, ...]) -> str:
    return ", ".join(map(name_of_identity, identities)) or "nothing"
