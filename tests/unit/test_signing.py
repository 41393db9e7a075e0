"""A classifier can be signed, and whoever has the signer's key can tell any change to it."""

import asyncio
import base64
import json
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("cryptography", reason="signing needs the extra 'sign'")

from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from starlette.testclient import TestClient

from carina.domain.signature import Signature, key_fingerprint
from carina.errors import ClassifierError, MissingExtraError, SigningKeyError, UsageError
from carina.files.digest_list import compare_digests, read_digests, write_digests
from carina.files.owners import owned
from carina.files.signing_keys import trusted_keys
from carina.inference.bundle import load_classifier, write_card
from carina.inference.signatures import check_signature
from carina.web import create_app
from carina.web.reloading import Reloader
from carina.workflows.signing import sign
from making.changed_classifiers import change_card
from making.classifiers import write_tiny_classifier

SIGNATURE = "signature.json"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return sign(new_key=tmp_path_factory.mktemp("keys") / "lab")


@pytest.fixture
def public(key):
    return key.key.with_name("lab.pub")


@pytest.fixture
def classifier(tmp_path):
    return write_tiny_classifier(tmp_path / "tiny")


@pytest.fixture
def signed(classifier, key):
    sign(classifier, key=key.key, name="Radiology, Dr. Ö")
    return classifier


@pytest.fixture
def run(tmp_path):
    """As much of a run as signing looks at."""
    write_tiny_classifier(tmp_path / "run" / "classifier")
    (tmp_path / "run" / "recipe.toml").write_text('name = "tiny"\n')
    return tmp_path / "run"


def problem(folder, *signers):
    return check_signature(folder, trusted=trusted_keys(signers)).problem


def rewritten(folder, **values):
    """Change the signature's values, in the form that Carina writes."""
    signature = Signature.model_validate_json((folder / SIGNATURE).read_text())
    changed = signature.model_copy(update=values)
    (folder / SIGNATURE).write_text(changed.as_text())
    return changed


def test_a_signed_classifier_is_loaded_by_those_who_trust_its_key(signed, public, key, tmp_path):
    folder_of_keys = tmp_path / "trusted"
    folder_of_keys.mkdir()
    shutil.copy(public, folder_of_keys / "Radiology North.pub")
    for signer, name in (
        (public, "lab"), (folder_of_keys, "Radiology North"), (key.fingerprint, key.fingerprint),
    ):  # fmt: skip
        found = load_classifier(signed, signers=(signer,)).signature
        assert found.was_checked
        assert found.trusted_as == name
        assert found.fingerprint == key.fingerprint
    found = load_classifier(signed).signature
    assert (found.is_signed, found.trusted_as, found.signer) == (True, "", "Radiology, Dr. Ö")
    assert "no trusted key was named" in found.in_words


def test_a_fingerprint_is_that_of_ssh_keygen(key, public):
    ssh = forms.load_ssh_public_key(public.read_bytes())
    assert key.fingerprint == key_fingerprint(ssh.public_bytes_raw())
    assert key.public_key == public.read_text().strip()
    if shutil.which("ssh-keygen"):
        words = ["ssh-keygen", "-l", "-f", str(public)]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert key.fingerprint in said.split()


def test_an_unsigned_classifier_is_refused_where_a_signature_is_asked_for(classifier, public):
    assert not load_classifier(classifier).signature.is_signed
    with pytest.raises(ClassifierError, match=r"is not signed, and lab \(SHA256:.* have signed"):
        load_classifier(classifier, signers=(public,))


def test_another_key_than_the_trusted_one_is_refused_whatever_it_calls_itself(
    signed, key, tmp_path
):
    other = sign(signed, new_key=tmp_path / "other", name="lab")
    assert "signed with the key SHA256:" in other.replaced
    with pytest.raises(ClassifierError, match=r"signed with the key .* \('lab', as it calls its"):
        load_classifier(signed, signers=(key.fingerprint,))
    assert load_classifier(signed, signers=(key.fingerprint, other.fingerprint)).signature.is_signed


@pytest.mark.parametrize(
    "name", ["card.json", "network.onnx", "head.onnx", "seen.csv", "README.md"]
)
def test_a_changed_byte_in_any_file_is_found(signed, public, name):
    data = bytearray((signed / name).read_bytes())
    data[len(data) // 2] ^= 1
    (signed / name).write_bytes(data)
    with pytest.raises(ClassifierError):
        load_classifier(signed, signers=(public,))


def test_a_change_with_the_digests_made_right_again_is_found(signed):
    change_card(signed, lambda card: card.update(cautions=[]))
    with pytest.raises(ClassifierError, match="was changed after it was signed"):
        load_classifier(signed)


def test_every_changed_byte_of_the_signature_is_found(signed):
    data = (signed / SIGNATURE).read_bytes()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        (signed / SIGNATURE).write_bytes(changed)
        assert problem(signed), data[place - 10 : place + 10]
    for changed in (data[:-1], data[:100], b"", data + b" ", data.replace(b": ", b":"), b"[]"):
        (signed / SIGNATURE).write_bytes(changed)
        with pytest.raises(ClassifierError):
            load_classifier(signed)


def test_every_value_of_the_signature_is_signed(signed):
    before = (signed / SIGNATURE).read_bytes()
    stranger = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for values in (
        {"signer": "Somebody else"},
        {"carina_version": "9.9"},
        {"public_key": base64.b64encode(stranger).decode()},
        {"public_key": base64.b64encode(bytes(32)).decode()},
        {"signature": base64.b64encode(bytes(64)).decode()},
        {"signature": ""},
    ):
        rewritten(signed, **values)
        assert "forged or damaged" in problem(signed)
        (signed / SIGNATURE).write_bytes(before)
    assert not problem(signed)


def test_the_signature_of_another_classifier_is_found(signed, tmp_path, public):
    other = write_tiny_classifier(tmp_path / "other", labels=("Normal", "Pneumonia"))
    shutil.copy(signed / SIGNATURE, other)
    assert "carries the signature of another one" in problem(other, public)


def test_a_trusted_key_named_over_another_ones_signature_is_found(signed, key, tmp_path, public):
    """The forger signs with his own key and then names the trusted one."""
    trusted = Signature.model_validate_json((signed / SIGNATURE).read_text()).public_key
    sign(signed, new_key=tmp_path / "forger")
    rewritten(signed, public_key=trusted)
    assert "forged or damaged" in problem(signed, public)


def test_a_signature_for_another_purpose_is_none_for_a_classifier(signed, key):
    """A key of OpenSSH also logs its owner in: what is signed there must not fit here."""
    secret = forms.load_pem_private_key(key.key.read_bytes(), None)
    card = bytes.fromhex(json.loads((signed / SIGNATURE).read_text())["card_sha256"])
    made = base64.b64encode(secret.sign(card)).decode()
    rewritten(signed, signature=made)
    assert "forged or damaged" in problem(signed)


def test_other_files_beside_the_signature_are_still_refused(signed):
    (signed / "signature.json.bak").write_bytes(b"")
    with pytest.raises(ClassifierError, match="is not on its card"):
        load_classifier(signed)


def test_a_changed_card_loses_its_signature(signed):
    loaded = load_classifier(signed)
    write_card(signed, loaded.card, readme="other words")
    assert not (signed / SIGNATURE).exists()
    assert not load_classifier(signed).signature.is_signed
    assert not loaded.with_card(loaded.card, digest="").signature.is_signed


def test_what_is_damaged_is_not_signed(classifier, key):
    (classifier / "README.md").write_text("changed")
    with pytest.raises(ClassifierError, match=r"README\.md was changed"):
        sign(classifier, key=key.key)
    assert not (classifier / SIGNATURE).exists()


@posix
def test_a_secret_key_is_its_owners_alone_and_never_replaced(classifier, tmp_path):
    made = sign(new_key=tmp_path / "new" / "k")
    assert made.key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="a key is never replaced"):
        sign(new_key=made.key)
    made.key.chmod(0o640)
    with pytest.raises(SigningKeyError, match=r"mode is 0640.*chmod 600"):
        sign(classifier, key=made.key)
    assert made.key.read_text().splitlines()[1] not in repr(made)


def test_a_secret_key_is_not_kept_in_what_is_handed_over(run):
    for place in (run / "k", run / "classifier" / "k"):
        with pytest.raises(UsageError, match="handed over as a whole"):
            sign(run, new_key=place)
        assert not place.exists()


def test_a_locked_key_is_unlocked_with_its_passphrase_alone(classifier, tmp_path, settings):
    made = sign(new_key=tmp_path / "k", passphrase="a long word")
    assert b"ENCRYPTED" in made.key.read_bytes()
    for wrong in ("another", None, ""):
        with pytest.raises(UsageError if not wrong else SigningKeyError):
            sign(classifier, key=made.key, passphrase=wrong)
    assert sign(classifier, key=made.key, passphrase=lambda: "a long word").classifier
    with pytest.raises(UsageError, match="empty passphrase"):
        sign(new_key=tmp_path / "other", passphrase="")


@posix
def test_a_key_of_openssh_signs_too(classifier, tmp_path):
    secret = ed25519.Ed25519PrivateKey.generate()
    ssh = (forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption())
    file = tmp_path / "id_ed25519"
    file.write_bytes(secret.private_bytes(*ssh))
    file.chmod(0o600)
    public = tmp_path / "jo.pem"
    pem = (forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(secret.public_key().public_bytes(*pem))
    sign(classifier, key=file)
    assert load_classifier(classifier, signers=(public,)).signature.trusted_as == "jo"


@posix
def test_what_is_no_key_is_refused_in_words(classifier, key, tmp_path):
    file = tmp_path / "file"
    other = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pkcs8 = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    ssh = (forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH)
    for data in (b"", b"no key", other.private_bytes(*pkcs8)):
        file.write_bytes(data)
        file.chmod(0o600)
        with pytest.raises(SigningKeyError, match="an Ed25519 key is needed"):
            sign(classifier, key=file)
    for data in (b"", b"no key", b"ssh-ed25519 AAAA", other.public_key().public_bytes(*ssh)):
        file.write_bytes(data)
        with pytest.raises(SigningKeyError):
            trusted_keys((file,))
    with pytest.raises(SigningKeyError, match="a secret key, which nobody else should have"):
        trusted_keys((key.key,))
    (tmp_path / "empty").mkdir()
    for absent in (tmp_path / "empty", tmp_path / "absent", "SHA256:short"):
        with pytest.raises(SigningKeyError):
            trusted_keys((absent,))


def test_without_the_extra_a_signature_is_shown_as_not_checked(signed, public, key, monkeypatch):
    trusted = trusted_keys((public,))
    monkeypatch.setitem(sys.modules, "cryptography", None)
    found = load_classifier(signed).signature
    assert not found.was_checked
    assert "was not checked: the extra 'sign' is not installed" in found.in_words
    for ask in (
        lambda: check_signature(signed, trusted=trusted),
        lambda: load_classifier(signed, signers=(key.fingerprint,)),
        lambda: sign(signed, key=key.key),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install 'carina\[sign\]'"):
            ask()
    change_card(signed, lambda card: card.update(cautions=[]))
    with pytest.raises(ClassifierError, match="was changed after it was signed"):
        load_classifier(signed)


def test_the_server_says_who_signed(signed, classifier, public, key, settings):
    client = TestClient(create_app(load_classifier(signed, signers=(public,)), settings))
    told = client.get("/v1/model").json()["signature"]
    assert told == {
        "fingerprint": key.fingerprint, "trusted_as": "lab", "checked": True,
        "in_words": f"signed by lab ({key.fingerprint})",
    }  # fmt: skip
    assert f"Signed by lab ({key.fingerprint})." in client.get("/").text
    (signed / SIGNATURE).unlink()
    client = TestClient(create_app(load_classifier(signed), settings))
    assert client.get("/v1/model").json()["signature"] is None
    assert "It is not signed." in client.get("/").text


def test_a_server_takes_up_a_new_signature_and_refuses_a_folder_without_one(
    classifier, key, settings
):
    app = create_app(load_classifier(classifier), settings)

    async def looked(*signers):
        reloader = Reloader(app, lambda: load_classifier(classifier, signers=signers))
        reloader.look()
        await reloader.finished()
        return app.state.service.last_reload, app.state.service.classifier.signature.is_signed

    sign(classifier, key=key.key)
    assert asyncio.run(looked(key.fingerprint)) == ("taken", True)
    assert asyncio.run(looked(key.fingerprint)) == ("unchanged", True)
    (classifier / SIGNATURE).unlink()
    assert asyncio.run(looked(key.fingerprint)) == ("refused", True)
    assert asyncio.run(looked()) == ("taken", False)


def test_the_commands_sign_and_refuse_with_the_designs_codes(carina_command, classifier, tmp_path):
    key = tmp_path / "k"
    code, out, err = carina_command("sign", classifier, "--new-key", key, "--json")
    assert code == 0, err
    made = json.loads(out)
    assert made["signature"] == str(classifier / SIGNATURE)
    assert carina_command("sign", classifier, "--key", key, "--name", "Jo")[0] == 0
    assert carina_command("sign", "--key", key)[0] == 2
    assert carina_command("sign", classifier)[0] == 2
    assert carina_command("sign", classifier, "--key", key, "--lock")[0] == 2
    (classifier / SIGNATURE).unlink()
    code, _, err = carina_command("serve", classifier, "--port", "0", "--signer", f"{key}.pub")
    assert (code, "is not signed" in err) == (2, True)


def test_signing_a_run_keeps_its_list_of_digests_right(run, key):
    write_digests(run)
    sign(run, key=key.key)
    assert load_classifier(run, signers=(key.fingerprint,)).signature.is_signed
    assert not compare_digests(run, read_digests(run)).any
    with owned(run), pytest.raises(UsageError, match="is being written to by process"):
        sign(run, key=key.key)


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda key, public, folder: sign(folder, key=public), "public half .* name the secret"),
        (lambda *_: trusted_keys(["SHA256:short"]), "is no fingerprint: SHA256: and 43"),
    ],
)
def test_a_key_of_the_wrong_kind_is_told_by_what_it_is(do, said, key, public, classifier):
    with pytest.raises(SigningKeyError, match=said):
        do(key, public, classifier)
