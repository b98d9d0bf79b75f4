"""The person who can try the demo's desk: of customer service, with a password that is known to all."""

from dataclasses import dataclass
from datetime import datetime

from models.staff import Role
from tasks.context import Context
from tasks.staff.accounts import add_person, find_account, set_password
from tasks.staff.audit import MACHINE, record
from tasks.staff.passwords import hash_password


@dataclass(frozen=True, slots=True)
class DemoAgent:
    """What somebody signs in with."""

    name: str = "Robin Demo"
    mail: str = "agent@example.com"
    password: str = "late orders, told early"  # noqa: S105 - of made-up data, served to this machine alone


AGENT = DemoAgent()


def add_demo_agent(context: Context, now: datetime, agent: DemoAgent = AGENT) -> DemoAgent:
    """Let the agent sign in, with this password, whatever it was changed to before."""
    password_hash = hash_password(agent.password)
    with context.engine.begin() as connection:
        account = find_account(connection, agent.mail)
        if account is None:
            roles = frozenset({Role.SERVICE})
            person = add_person(connection, agent.name, agent.mail, roles, now, MACHINE)
            what = f"invited {person.name} with the role service"
            record(connection, at=now, who=MACHINE, kind="invite", what=what, subject_kind="person", subject=person.id)
        else:
            person = account.person
        set_password(connection, person.id, password_hash)
    return agent
