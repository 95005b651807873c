# SPDX-License-Identifier: Apache-2.0
"""hvac_check.py URL JWT ROLE_ID SECRET_ID WRAPPING: a real client's view of the scripted Vault."""
import sys

import hvac
import hvac.exceptions as failures

url, jwt, role_id, secret_id, wrapping = sys.argv[1:]


def client(**more):
    return hvac.Client(url=url, **more)


def refused(kind, action):
    try:
        action()
    except kind:
        return
    raise SystemExit("expected " + kind.__name__)


assert client().sys.is_sealed() is False
assert client(token="hvs.nobody").is_authenticated() is False

one = client()
one.auth.approle.login(role_id=role_id, secret_id=secret_id)
assert one.is_authenticated()
refused(failures.InvalidRequest, lambda: client().auth.approle.login(role_id=role_id, secret_id="wrong"))
two = client()
two.auth.kubernetes.login(role="wasm-proxy", jwt=jwt)
assert two.is_authenticated()
refused(failures.InvalidRequest, lambda: client().auth.kubernetes.login(role="other", jwt=jwt))
refused(failures.Forbidden, lambda: client().auth.kubernetes.login(role="wasm-proxy", jwt="wrong"))

one.secrets.kv.v2.create_or_update_secret("registries/hvac.io", secret={"username": "u", "password": "from hvac"})
read = one.secrets.kv.v2.read_secret_version("registries/hvac.io")["data"]
assert read["data"]["password"] == "from hvac" and read["metadata"]["version"] == 1
refused(failures.InvalidPath, lambda: one.secrets.kv.v2.read_secret_version("registries/absent.io"))
one.secrets.kv.v1.create_or_update_secret("hvac.io", secret={"username": "u", "password": "one"}, mount_point="kv")
assert one.secrets.kv.v1.read_secret("hvac.io", mount_point="kv")["data"]["password"] == "one"
assert one.read("sys/internal/ui/mounts/secret/registries")["data"]["options"]["version"] == "2"
refused(failures.Forbidden, lambda: client(token="hvs.nobody").secrets.kv.v1.read_secret("hvac.io", mount_point="kv"))

assert one.auth.token.renew_self()["auth"]["client_token"] == one.token
assert one.auth.token.lookup_self()["data"]["renewable"] is True
look = client().write("sys/wrapping/lookup", token=wrapping)
assert look["data"]["creation_path"] == "auth/approle/role/wasm-proxy/secret-id"
assert client().sys.unwrap(token=wrapping)["data"]["secret_id"] == secret_id
refused(failures.InvalidRequest, lambda: client().sys.unwrap(token=wrapping))
print("hvac agrees")
