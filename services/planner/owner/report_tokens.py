"""Report tokens: only who received an action can report on its run (api.md, section 3, "Reports")."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_DIGEST: Final = "sha256"


@dataclass(frozen=True)
class ReportTokens:
    """`keys`: key id -> secret, in the order of the settings. The first signs, all verify, so that a key can be replaced."""

    keys: Mapping[str, bytes]

    def sign(self, run_id: str, tenant_id: str) -> str:
        """The token of a run: key id, a dot, the unpadded base64url HMAC-SHA256 over run and tenant."""
        key_id, secret = next(iter(self.keys.items()))
        return f"{key_id}.{_mac(secret, run_id, tenant_id)}"

    def verifies(self, token: str, run_id: str, tenant_id: str) -> bool:
        """Whether one of our keys signed this token for this run."""
        key_id, _, mac = token.partition(".")
        secret = self.keys.get(key_id)
        return secret is not None and hmac.compare_digest(mac.encode(), _mac(secret, run_id, tenant_id).encode())


def _mac(secret: bytes, run_id: str, tenant_id: str) -> str:
    digest = hmac.digest(secret, f"{run_id}\n{tenant_id}".encode(), _DIGEST)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
