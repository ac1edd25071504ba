"""What viewers' networks carry, and what the encoder makes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from services.gateway.webrtc.rate import MIN_BPS, EncoderRate, Estimate, ceiling_bps

CEILING_BPS = 2_000_000


@pytest.fixture
def estimate() -> Estimate:
    return Estimate(CEILING_BPS)


def report(estimate: Estimate, share: float, *, seconds: int, sent_bps: int = 600_000) -> None:
    """A receiver report every second."""
    for now_s in range(seconds):
        estimate.lost(now_s, share, sent_bps)


def test_a_clean_network_keeps_the_ceiling(estimate: Estimate) -> None:
    report(estimate, 0.0, seconds=60)
    assert estimate.bps == CEILING_BPS


def test_loss_of_five_in_a_hundred_changes_nothing(estimate: Estimate) -> None:
    report(estimate, 0.05, seconds=60)
    assert estimate.bps == CEILING_BPS


def test_heavy_loss_lowers_it_from_what_was_sent(estimate: Estimate) -> None:
    estimate.lost(0.0, 0.2, 600_000)
    assert estimate.bps == 540_000


def test_it_never_falls_below_the_least(estimate: Estimate) -> None:
    report(estimate, 0.9, seconds=60, sent_bps=0)
    assert estimate.bps == MIN_BPS


def test_it_recovers_by_a_twentieth_a_second_however_often_is_reported(
    estimate: Estimate,
) -> None:
    estimate.lost(0.0, 0.5, 400_000)
    for tenth in range(1, 101):
        estimate.lost(tenth / 10, 0.0, 300_000)
    assert estimate.bps == pytest.approx(300_000 * 1.05**10, rel=0.01)


def test_a_receivers_estimate_that_trails_what_is_sent_changes_nothing(
    estimate: Estimate,
) -> None:
    # After a quiet while more is sent; the receiver's estimate grows after it.
    for second, receiver_bps in enumerate((450_000, 480_000, 520_000, 560_000)):
        estimate.received(second, receiver_bps, 900_000)
    assert estimate.bps == CEILING_BPS


def test_a_receivers_estimate_that_falls_below_what_is_sent_counts(estimate: Estimate) -> None:
    estimate.received(0.0, 900_000, 800_000)
    estimate.received(1.0, 500_000, 800_000)
    assert estimate.bps == 500_000


def test_a_receivers_estimate_that_falls_because_less_is_sent_does_not(
    estimate: Estimate,
) -> None:
    estimate.received(0.0, 900_000, 600_000)
    estimate.received(1.0, 450_000, 300_000)
    assert estimate.bps == CEILING_BPS


def lowered(bps: int) -> Estimate:
    """The estimate of a viewer whose network carries so much, told at time 0 and ever after."""
    estimate = Estimate(CEILING_BPS)
    estimate.received(0.0, 2 * bps, 2 * bps)
    estimate.received(0.0, bps, 2 * bps)
    return estimate


def test_the_weakest_viewer_decides() -> None:
    rate = EncoderRate(CEILING_BPS)
    assert rate.follow(1.0, [lowered(700_000), lowered(400_000), Estimate(CEILING_BPS)])
    assert 300_000 <= rate.bps <= 400_000


def test_a_viewer_that_says_nothing_decides_nothing() -> None:
    rate = EncoderRate(CEILING_BPS)
    assert not rate.follow(60.0, [lowered(400_000)])


def test_the_encoder_is_changed_rarely_and_by_steps_up() -> None:
    rate = EncoderRate(CEILING_BPS)
    rate.follow(0.0, [lowered(400_000)])
    low_bps = rate.bps
    changes = [(float(now_s), rate.bps) for now_s in range(1, 61) if rate.follow(now_s, [])]
    times = [at for at, _ in changes]
    assert all(later - at >= 10 for at, later in pairwise(times))
    steps = [low_bps, *(bps for _, bps in changes)]
    assert all(1.2 < high / low < 1.4 for low, high in pairwise(steps))


def test_worse_news_are_followed_sooner_than_better_ones() -> None:
    rate = EncoderRate(CEILING_BPS)
    assert rate.follow(0.0, [lowered(700_000)])
    assert not rate.follow(1.0, [lowered(400_000)])
    assert rate.follow(2.0, [lowered(400_000)])


def test_small_pictures_have_one_bitrate() -> None:
    rate = EncoderRate(ceiling_bps(64, 64, 25))
    assert not rate.follow(0.0, [lowered(MIN_BPS)])
    assert rate.bps == MIN_BPS
