from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.policy.messaging import QuietHours
from rules.contact.quiet_hours import HORIZON, not_before, window_end

NIGHT = QuietHours(begins=time(21), ends=time(8))
SIESTA = QuietHours(begins=time(13), ends=time(15, 30))
LATE_NIGHT = QuietHours(begins=time(1, 15), ends=time(2, 45))
BERLIN, LONDON, NEW_YORK, LOS_ANGELES = "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles"
ZONES = [BERLIN, LONDON, NEW_YORK, LOS_ANGELES, "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Auckland"]


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def is_quiet(moment, quiet, zone):
    clock = moment.astimezone(ZoneInfo(zone)).time()
    if quiet.begins < quiet.ends:
        return quiet.begins <= clock < quiet.ends
    return clock >= quiet.begins or clock < quiet.ends


@pytest.mark.parametrize(
    ("now", "quiet", "zones", "sent"),
    [
        (at("2026-11-23T12:00", BERLIN), NIGHT, [BERLIN], at("2026-11-23T12:00", BERLIN)),
        (at("2026-11-23T20:59", BERLIN), NIGHT, [BERLIN], at("2026-11-23T20:59", BERLIN)),
        (at("2026-11-23T21:00", BERLIN), NIGHT, [BERLIN], at("2026-11-24T08:00", BERLIN)),
        (at("2026-11-24T07:59", BERLIN), NIGHT, [BERLIN], at("2026-11-24T08:00", BERLIN)),
        (at("2026-11-24T08:00", BERLIN), NIGHT, [BERLIN], at("2026-11-24T08:00", BERLIN)),
        (at("2026-11-24T13:00", BERLIN), SIESTA, [BERLIN], at("2026-11-24T15:30", BERLIN)),
        (at("2026-11-24T09:00", NEW_YORK), NIGHT, [NEW_YORK, LOS_ANGELES], at("2026-11-24T11:00", NEW_YORK)),
        (at("2026-11-24T22:00", NEW_YORK), NIGHT, [LOS_ANGELES, NEW_YORK], at("2026-11-25T11:00", NEW_YORK)),
        (at("2026-11-24T03:00"), None, [BERLIN], at("2026-11-24T03:00")),
        (at("2026-11-24T03:00"), NIGHT, [], at("2026-11-24T03:00")),
        # The night in which the clocks go forward is an hour shorter, the other an hour longer.
        (at("2026-03-28T22:00", BERLIN), NIGHT, [BERLIN], at("2026-03-29T08:00", BERLIN)),
        (at("2026-10-24T22:00", BERLIN), NIGHT, [BERLIN], at("2026-10-25T08:00", BERLIN)),
        # 2:45 is left out in the one, and comes twice in the other: the clock then says quiet again from 2:00.
        (at("2026-03-29T01:30", BERLIN), LATE_NIGHT, [BERLIN], at("2026-03-29T03:00", BERLIN)),
        (at("2026-10-25T00:50"), LATE_NIGHT, [BERLIN], at("2026-10-25T00:50")),
        (at("2026-10-25T01:10"), LATE_NIGHT, [BERLIN], at("2026-10-25T01:45")),
    ],
)
def test_a_text_waits_for_the_first_moment_that_is_quiet_on_none_of_the_clocks(now, quiet, zones, sent):
    assert not_before(now, quiet, zones) == sent


def test_where_the_days_of_two_zones_never_meet_no_text_is_sent():
    long_night = QuietHours(begins=time(19), ends=time(8))
    assert not_before(at("2026-11-24T12:00"), long_night, ["Pacific/Auckland", LONDON]) is None
    assert not_before(at("2026-11-24T12:00"), NIGHT, ["Pacific/Auckland", LONDON]) == at("2026-11-24T19:00")


@pytest.mark.parametrize(
    ("moment", "quiet", "zones", "ends"),
    [
        (at("2026-11-24T08:00", BERLIN), NIGHT, [BERLIN], at("2026-11-24T21:00", BERLIN)),
        (at("2026-11-24T20:59", BERLIN), NIGHT, [BERLIN], at("2026-11-24T21:00", BERLIN)),
        (at("2026-11-24T21:00", BERLIN), NIGHT, [BERLIN], at("2026-11-24T21:00", BERLIN)),
        (at("2026-11-24T12:00", NEW_YORK), NIGHT, [LOS_ANGELES, NEW_YORK], at("2026-11-24T21:00", NEW_YORK)),
        (at("2026-03-28T16:00", BERLIN), SIESTA, [BERLIN], at("2026-03-29T13:00", BERLIN)),
        (at("2026-11-24T12:00"), None, [BERLIN], None),
        (at("2026-11-24T12:00"), NIGHT, [], None),
    ],
)
def test_a_text_must_have_arrived_before_the_first_clock_says_quiet(moment, quiet, zones, ends):
    assert window_end(moment, quiet, zones) == ends


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 Hypothesis adds the zone
# Hours of the day in which clocks change are as likely as all others together.
hours = st.times().map(lambda hour: hour.replace(microsecond=0)) | st.sampled_from([time(1, 15), time(2), time(2, 30)])
zones = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3)


@given(now=moments, begins=hours, ends=hours, zones=zones)
@example(at("2026-03-29T00:30"), time(1, 15), time(2, 45), [BERLIN])
@example(at("2026-10-25T00:10"), time(1, 15), time(2, 45), [BERLIN])
def test_nothing_is_ever_sent_in_quiet_hours_nor_later_than_it_must_wait(now, begins, ends, zones):
    assume(begins != ends)
    quiet = QuietHours(begins=begins, ends=ends)
    sent = not_before(now, quiet, zones)
    until = now + HORIZON if sent is None else sent
    assert sent is None or not any(is_quiet(sent, quiet, zone) for zone in zones)
    # Every quarter of an hour before it somebody's clock said quiet.
    tried = now
    while tried < until:
        assert any(is_quiet(tried, quiet, zone) for zone in zones)
        tried += timedelta(minutes=15)


@given(now=moments, begins=hours, ends=hours, zones=zones)
def test_no_clock_says_quiet_between_the_sending_and_the_windows_end(now, begins, ends, zones):
    assume(begins != ends)
    quiet = QuietHours(begins=begins, ends=ends)
    sent = not_before(now, quiet, zones)
    assume(sent is not None)
    end = window_end(sent, quiet, zones)
    assert any(is_quiet(end, quiet, zone) for zone in zones)
    while sent < end:
        assert not any(is_quiet(sent, quiet, zone) for zone in zones)
        sent += timedelta(minutes=15)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a time zone"):
        not_before(at("2026-11-24T12:00").replace(tzinfo=None), NIGHT, [BERLIN])


def test_a_zone_that_does_not_exist_is_an_error_and_not_a_quiet_guess():
    with pytest.raises(ZoneInfoNotFoundError):
        not_before(at("2026-11-24T12:00"), NIGHT, ["Europe/Atlantis"])
