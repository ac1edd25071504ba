"""What is left of films, and what is not mistaken for it."""

from __future__ import annotations

from pathlib import Path

from services.storage.provenance.fingerprint import bits_apart, fingerprint_of, seen_in
from tests.fakes.films import film


def test_a_film_has_landmarks_and_shapes_in_their_order(tmp_path: Path) -> None:
    made = fingerprint_of(
        film(tmp_path / "v.mp4", scene=1, speech=1), "mp4", max_s=60, keyframes_only=True
    )
    assert len(made.landmarks) > 20
    assert [at_s for at_s, _ in made.shapes] == [0, 1, 2, 3, 4]
    assert all(bits_apart(made.shapes[0][1], shape) < 10 for _, shape in made.shapes)


def test_only_the_beginning_is_looked_at(tmp_path: Path) -> None:
    path = film(tmp_path / "v.mp4", scene=1, speech=1)
    made = fingerprint_of(path, "mp4", max_s=2)
    assert max(at_s for at_s, _ in made.shapes) <= 2
    assert max(at for _, at in made.landmarks) <= 2 * 62.5


def test_several_phases_find_what_one_does_and_more(tmp_path: Path) -> None:
    path = film(tmp_path / "v.mp4", scene=1, speech=1)
    once, often = (fingerprint_of(path, "mp4", max_s=60, phases=phases) for phases in (1, 4))
    assert set(once.landmarks) < set(often.landmarks)


def test_what_is_no_film_has_none(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    for reader in ("mp4", "JPEG"):
        none = seen_in(tmp_path / "v.mp4", reader)
        assert (none.landmarks, none.shapes) == ((), ())


def test_other_scenes_have_other_shapes(tmp_path: Path) -> None:
    one, other = (
        seen_in(film(tmp_path / f"{scene}.mp4", scene=scene, speech=1, length_s=1), "mp4")
        for scene in (1, 2)
    )
    assert bits_apart(one.shapes[0][1], other.shapes[0][1]) > 16
