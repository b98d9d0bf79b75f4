"""Deliver purchase requests as files on a vendor's SFTP server."""

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
"""Errors that a person must repair: another host key, a wrong secret, no permission, no such folder."""
PRIVATE_KEY_PREFIX = "-----BEGIN "


class SftpTransport:
    """Writes documents into a folder on a server with a known host key; `secret` is a password or a private key.

    A file is written under a temporary name and then renamed, so that the vendor never reads an incomplete one. A
    document that is sent again replaces its file.
    """

    def __init__(
        self, host: str, port: int, user: str, folder: str, host_key: str, secret: str, *, timeout: float = 15
    ) -> None:
        self._host, self._port, self._user, self._folder = host, port, user, folder
        self._host_key, self._secret, self._timeout = host_key, secret, timeout

    async def send(self, document: Document) -> Receipt:
        folder = PurePosixPath(self._folder)
        name = f"{safe_file_name(document.id)}{PurePosixPath(document.file.name).suffix}"
        part, path = folder / part_name(name), folder / name
        renaming = False
        try:
            async with asyncio.timeout(4 * self._timeout), self._connect() as connection:
                sftp = await connection.start_sftp_client()
                async with sftp.open(str(part), "wb") as file:
                    await file.write(document.file.content)
                renaming = True
                await sftp.posix_rename(str(part), str(path))
        except (asyncssh.SFTPFailure, asyncssh.SFTPOpUnsupported, *CHANNEL_DOWN_ERRORS) as error:
            raise self._not_taken(
                error, channel_down=isinstance(error, (*CHANNEL_DOWN_ERRORS, asyncssh.SFTPOpUnsupported))
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
        # The machine's own SSH settings, keys and known hosts are not used: only shop.toml counts.
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

    def _not_taken(self, error: Exception, *, channel_down: bool = False) -> TemporaryFailure:
        code = type(error).__name__
        details = str(error) or code
        return TemporaryFailure(f"{self._host} did not take the file: {details}", code=code, channel_down=channel_down)
