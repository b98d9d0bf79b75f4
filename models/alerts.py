"""The alerts that a shop can have sent to e-mail, Slack, Teams or a webhook, and the events that Prefect waits for."""

from enum import StrEnum


class Alert(StrEnum):
    """A kind of alert; its value is part of the automation's name."""

    RUN_FAILED = "run-failed"
    RUN_HELD = "run-held"
    CHANNEL_STOPPED = "channel-stopped"
    IN_DOUBT = "in-doubt"
    NO_RUN = "no-run"
    DEADLINE_NEAR = "deadline-near"

    @property
    def event(self) -> str:
        """Return the name of the event that a flow emits for it."""
        return f"forewarn.{self.value}"


RUN_COMPLETED = "forewarn.run-completed"
"""The event of a run that evaluated the orders; `no-run` is sent when none came for a while."""


class AlertTarget(StrEnum):
    """Where alerts are sent."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"
