"""What Twilio's error codes mean, in its answers and its callbacks: twilio.com/docs/api/errors."""

from collections.abc import Mapping
from datetime import timedelta

from channels.http_client import FailureKind

ERROR_CODES: Mapping[int, FailureKind] = {
    21610: FailureKind.SUPPRESS_ADDRESS,  # the person answered STOP
    21211: FailureKind.SUPPRESS_ADDRESS,  # not a number
    21614: FailureKind.SUPPRESS_ADDRESS,  # not a mobile number
    21635: FailureKind.SUPPRESS_ADDRESS,  # a landline
    30005: FailureKind.SUPPRESS_ADDRESS,  # unknown to its network
    30006: FailureKind.SUPPRESS_ADDRESS,  # landline, or its network is out of reach
    30640: FailureKind.SUPPRESS_ADDRESS,  # a person known to sue for texts
    63014: FailureKind.SUPPRESS_ADDRESS,  # the person blocked the sender
    30004: FailureKind.PERMANENT,  # blocked by the network or the person
    30450: FailureKind.PERMANENT,  # taken for pumping of texts
    21408: FailureKind.PERMANENT,  # the account may not send to that country
    21612: FailureKind.PERMANENT,  # no route from this sender to that number
    21617: FailureKind.PERMANENT,  # over 1600 characters
    20003: FailureKind.CHANNEL_DOWN,  # credentials
    20005: FailureKind.CHANNEL_DOWN,  # account not active
    21606: FailureKind.CHANNEL_DOWN,  # the sending number is not the account's
    21609: FailureKind.CHANNEL_DOWN,  # FOREWARN_CALLBACK_URL is no address that Twilio can call
    21659: FailureKind.CHANNEL_DOWN,  # the sending number is not the account's
    21701: FailureKind.CHANNEL_DOWN,  # no such messaging service
    21703: FailureKind.CHANNEL_DOWN,  # the messaging service has no number
    30002: FailureKind.CHANNEL_DOWN,  # account suspended
    30007: FailureKind.CHANNEL_DOWN,  # filtered as spam: more of it makes it worse
    30032: FailureKind.CHANNEL_DOWN,  # toll-free sender not verified
    30034: FailureKind.CHANNEL_DOWN,  # sender not registered with the US networks
    20429: FailureKind.TEMPORARY,  # too many requests
    21611: FailureKind.TEMPORARY,  # too many waiting to be sent
    30001: FailureKind.TEMPORARY,  # the same
    30022: FailureKind.TEMPORARY,  # over the networks' rate
    30023: FailureKind.TEMPORARY,  # over the networks' daily limit, which ends at midnight Pacific time
    30003: FailureKind.TEMPORARY,  # phone off or out of reach; see MAX_RETRIES
    30008: FailureKind.TEMPORARY,  # unknown error; see MAX_RETRIES
    30610: FailureKind.TEMPORARY,  # quiet hours of the networks; see RETRY_DELAYS
}
RETRY_DELAYS: Mapping[int, timedelta] = {
    30003: timedelta(minutes=30),
    30008: timedelta(minutes=30),
    30610: timedelta(hours=8),
}
MAX_RETRIES: Mapping[int, int] = {30003: 2, 30008: 1}
STAFF_CODES = (30007, 30032, 30034, 30450, 30640)
"""Codes of callbacks that staff must know of."""
