"""Manifests: signed as C2PA asks, read by its own reader, broken by a single byte."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from c2pa import Reader

from services.common.errors import StartupError, Unavailable
from services.storage.provenance.credentials import (
    Credentials,
    made_credentials,
    open_credentials,
)
from services.storage.provenance.manifest import MP4, WEBM, ManifestSigner, read_manifest
from tests.fakes.media_files import noise
from tests.unit.storage.recording.test_muxer import boxes, mux, pictures


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    path = tmp_path_factory.mktemp("keys") / "c2pa.pem"
    return open_credentials(path, path, made_for="Ada's 数字人")


@pytest.fixture
def signed(credentials: Credentials, tmp_path: Path) -> Path:
    muxed, target = tmp_path / "muxed", tmp_path / "v.mp4"
    mux(muxed, pictures(25), noise(1.0, 24_000), 24_000)
    ManifestSigner(credentials, "1.2.3", timestamps=None).sign(muxed, target, "vd_1")
    return target


def test_a_reader_of_others_finds_the_signature_and_the_hash_good(signed: Path) -> None:
    with Reader(str(signed)) as reader:
        told = json.loads(reader.json())
        assert reader.is_embedded()
    # Nobody else knows the certificate: that alone is missing.
    assert [fault["code"] for fault in told["validation_status"]] == ["signingCredential.untrusted"]
    good = {one["code"] for one in told["validation_results"]["activeManifest"]["success"]}
    assert {"claimSignature.validated", "assertion.bmffHash.match"} <= good
    manifest = told["manifests"][told["active_manifest"]]
    assert manifest["title"] == "vd_1"
    assert manifest["claim_generator_info"][0]["name"] == "Vultus"
    assert manifest["claim_generator_info"][0]["version"] == "1.2.3"
    (actions,) = (one for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))
    (action,) = actions["data"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")


def test_everything_else_in_the_file_stays_as_it_was(signed: Path) -> None:
    with av.open(str(signed)) as container:
        assert json.loads(container.metadata["AIGC"])["ProduceID"] == "vd_1"
        assert len([*container.decode(video=0)]) == 25
    assert boxes(signed).index("moov") < boxes(signed).index("mdat")


def test_we_know_our_own(credentials: Credentials, signed: Path) -> None:
    manifest = read_manifest(signed, MP4, chain=credentials.chain)
    assert manifest is not None
    assert (manifest.title, manifest.generator, manifest.signer) == (
        "vd_1",
        "Vultus",
        "Ada's 数字人",
    )
    assert manifest.whole
    assert manifest.ours


def test_what_another_has_signed_is_not_ours(signed: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.pem"
    other = open_credentials(path, path, made_for="Ada's 数字人")
    manifest = read_manifest(signed, MP4, chain=other.chain)
    assert manifest is not None
    assert manifest.whole
    assert not manifest.ours


@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_a_flipped_bit_is_found(credentials: Credentials, signed: Path, share: float) -> None:
    content = bytearray(signed.read_bytes())
    content[int(share * len(content))] ^= 1
    signed.write_bytes(content)
    manifest = read_manifest(signed, MP4, chain=credentials.chain)
    assert manifest is not None
    assert not manifest.whole


def test_a_file_without_a_manifest_has_none(credentials: Credentials, tmp_path: Path) -> None:
    mux(tmp_path / "v.mp4", pictures(5), noise(0.2, 24_000), 24_000)
    assert read_manifest(tmp_path / "v.mp4", MP4, chain=credentials.chain) is None
    (tmp_path / "text").write_text("no film")
    assert read_manifest(tmp_path / "text", MP4, chain=credentials.chain) is None


def test_what_can_not_be_signed_may_be_tried_again(
    credentials: Credentials, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no film")
    signer = ManifestSigner(credentials, "1", timestamps=None)
    with pytest.raises(Unavailable):
        signer.sign(tmp_path / "text", tmp_path / "v.mp4", "vd_1")


def test_replicas_agree_on_one_certificate_that_only_they_can_read(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "c2pa.pem"
    first = open_credentials(path, path, made_for="vultus")
    assert open_credentials(path, path, made_for="vultus") == first
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == ["c2pa.pem"]


def test_certificates_and_keys_that_do_not_fit_stop_the_start(tmp_path: Path) -> None:
    one, other, nothing = tmp_path / "one", tmp_path / "other", tmp_path / "nothing"
    one.write_bytes(made_credentials("one"))
    other.write_bytes(made_credentials("other"))
    assert open_credentials(one, one, made_for=None).algorithm == "es256"
    with pytest.raises(StartupError, match="not that of"):
        open_credentials(one, other, made_for=None)
    with pytest.raises(StartupError, match="can't be used"):
        open_credentials(nothing, nothing, made_for=None)
    other.write_text("no key")
    with pytest.raises(StartupError, match="can't be used"):
        open_credentials(other, other, made_for=None)


def test_a_manifest_beside_a_file_is_bound_to_every_byte_of_it(
    credentials: Credentials, tmp_path: Path
) -> None:
    film = tmp_path / "v.webm"
    content = b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 20
    film.write_bytes(content)
    signer = ManifestSigner(credentials, "1.2.3", timestamps=None)
    manifest = signer.sign_beside(film, "vd_1")
    assert not film.with_name("copied").exists()
    assert film.read_bytes() == content

    def faults() -> set[str]:
        with film.open("rb") as file, Reader(WEBM, file, manifest) as reader:
            told = json.loads(reader.json())
        assert told["manifests"][told["active_manifest"]]["title"] == "vd_1"
        return {fault["code"] for fault in told["validation_status"]}

    assert faults() == {"signingCredential.untrusted"}
    film.write_bytes(content[:-1] + b"!")
    assert "assertion.dataHash.mismatch" in faults()
