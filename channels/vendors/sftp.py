"""Purchase requests as files on a vendor's SFTP server."""

import asyncio
from pathlib import PurePosixPath

import asyncssh

from channels.atomic_files import part_name, safe_file_name
from channels.transport import OutcomeUnknown, TemporaryFailure
from models.messages import Receipt
from models.purchasing import Document

CHANNEL_DOWN_ERRORS = (
    asyncssh.HostKeyNotVerifiable,
    asyncssh.PermissionDenied,
    asyncssh.SFTPPermissionDenied,
    asyncssh.SFTPNoSuchFile,
    asyncssh.SFTPNoSuchPath,
    asyncssh.KeyExchangeFailed,
    asyncssh.KeyImportError,
)
"""What somebody has to mend: another server than the one known, a wrong secret, no right, no such folder."""
PRIVATE_KEY_PREFIX = "-----BEGIN "


class SftpTransport:
    """Put documents into a folder on a server whose key is known; `secret` is a password or a private key.

    A file is written under another name and then renamed, so the vendor never reads half of one; a document that
    comes again takes its own place.
    """

    def __init__(
        self, host: str, port: int, user: str, folder: str, host_key: str, secret: str, *, timeout: float = 15
    ) -> None:
        self._host, self._port, self._user, self._folder = host, port, user, folder
        self._host_key, self._secret, self._timeout = host_key, secret, timeout

    async def send(self, document: Document) -> Receipt:
        folder = PurePosixPath(self._folder)
        name = f"{safe_file_name(document.id)}{PurePosixPath(document.file.name).suffix}"
        part, place = folder / part_name(name), folder / name
        renaming = False
        try:
            async with asyncio.timeout(4 * self._timeout), self._connect() as connection:
                sftp = await connection.start_sftp_client()
                async with sftp.open(str(part), "wb") as file:
                    await file.write(document.file.content)
                renaming = True
                await sftp.posix_rename(str(part), str(place))
        except (asyncssh.SFTPFailure, asyncssh.SFTPOpUnsupported, *CHANNEL_DOWN_ERRORS) as error:
            raise self._not_taken(
                error, mend=isinstance(error, (*CHANNEL_DOWN_ERRORS, asyncssh.SFTPOpUnsupported))
            ) from error
        except (asyncssh.Error, OSError, TimeoutError, EOFError) as error:
            if renaming:
                reason = f"{self._host} may have it: {type(error).__name__} while the file was renamed"
                raise OutcomeUnknown(reason, code=type(error).__name__) from error
            raise self._not_taken(error) from error
        return Receipt(name, {"status": "kept"})

    async def close(self) -> None:
        pass

    def _connect(self) -> "asyncssh.misc._ACMWrapper[asyncssh.SSHClientConnection]":
        # Nothing of the machine's own SSH settings, keys and known hosts: what holds is in shop.toml.
        key = asyncssh.import_public_key(self._host_key)
        secret = (
            {"client_keys": [asyncssh.import_private_key(self._secret)], "password": None}
            if self._secret.startswith(PRIVATE_KEY_PREFIX)
            else {"client_keys": None, "password": self._secret}
        )
        return asyncssh.connect(
            self._host,
            self._port,
            username=self._user,
            known_hosts=([key], [], []),
            config=None,
            agent_path=None,
            connect_timeout=self._timeout,
            login_timeout=self._timeout,
            keepalive_interval=self._timeout,
            **secret,
        )

    def _not_taken(self, error: Exception, *, mend: bool = False) -> TemporaryFailure:
        code = type(error).__name__
        said = str(error) or code
        return TemporaryFailure(f"{self._host} did not take the file: {said}", code=code, channel_down=mend)
