"""The root's key in a file of the user's, where the state is not to hold it."""

import os
from pathlib import Path

from tether_provider import certificates
from tether_provider.errors import ProviderError

_SETTING = "certificateAuthority.rootKeyFile"


def refuse(path: str) -> None:
    """Look whether a key could be handed out into a file.

    Raises:
        ProviderError: there is such a file already, or no folder for it.
    """
    # Its wording comes with the settings, whose models are built at import: too slow for every preview.
    from tether.authority import root_key

    if found := root_key.hindrance(Path(path)):
        raise ProviderError(f"rootKeyFile {found.wrong}; {found.why}. Fix: {found.fix}")


def write(path: str, key_pem: str) -> None:
    """Hand out a key into a new file that only its owner can read.

    Raises:
        ProviderError: there is such a file already, or it cannot be made.
    """
    refuse(path)
    try:
        # O_EXCL also refuses a symbolic link that somebody puts there in between.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key_pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ProviderError(f"the root's key cannot be handed out into {path}: {error.strerror}") from None


def root(path: str, certificate_pem: str) -> certificates.Authority:
    """The root, with its key out of the file.

    Raises:
        ProviderError: the file is not there, holds no key, or that of another root.
    """
    needed = (
        "A new intermediate needs the root's key, which was handed out and not kept. Put the file back, or name "
        f"where it is: pulumi config set --path 'tether:{_SETTING}' FILE"
    )
    try:
        text = Path(path).read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ProviderError(f"{path} cannot be read: {reason}. {needed}") from None
    try:
        found = certificates.load(certificate_pem, text)
    except (ValueError, TypeError):
        raise ProviderError(f"{path} holds no unencrypted private key in PEM. {needed}") from None
    if not found.fits:
        raise ProviderError(f"the key in {path} is not that of the root {found.fingerprint}. {needed}")
    return found
